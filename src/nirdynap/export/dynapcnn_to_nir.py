"""A finished spec as a NIR graph of whole numbers, which any simulator runs and which lowers to the same spec again."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import nir
import numpy as np

from nirdynap.errors import NOT_IN_NIR, Diagnostic, raise_errors
from nirdynap.ir.arguments import check_spec
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import Pair, Shape
from nirdynap.passes.fold_placements import placement_kernel


def dynapcnn_to_nir(spec: Spec) -> nir.NIRGraph:
    """The network of `spec` in the chip's integers, as a NIR graph of `Conv2d`, `IF` and `SumPool2d` nodes.

    Weights, biases and thresholds are whole numbers in float32, `r` is 1, and a step of the graph is a step of the
    clocked run without saturation (docs/semantics.md). What NIR has no field for is in each neuron's metadata under
    ``dynapcnn``: reset, v_min, tie, spikes_per_step, and ``scale`` = 1, which has `nir_to_dynapcnn` take the numbers as
    they are. The graph's own metadata tell the chip, the spec's digest, and each layer's core and the scale that its
    floats were multiplied by.

    A destination that moves channels (feature shift), or whose map has another size than what arrives, is a `Conv2d`
    that copies each pixel to its place: every simulator computes what the chip does, and the passes fold it away.

    A DVS layer is a `SumPool2d` and such a `Conv2d` behind the camera's events; lowered with ``dvs=True`` (or what
    `DvsOptions` says of the source), it is the DVS layer again.

    What changes no spike of a clocked run, slow clock and readout block, is not in the graph.

    Nodes have the names of the spec's layers and outputs; dots and slashes, which torch and HDF5 refuse, become "_".

    Raises:
        CompileError: ND607 for what no NIR graph can hold: initial membranes, decimators, mirrors of a DVS layer, cores
            without source or target.
        InputError: ND513 for what is no Spec.

    Example:
        >>> import nirdynap
        >>> from nirdynap.shipped import shipped
        >>> spec = nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"))
        >>> graph = dynapcnn_to_nir(spec)
        >>> nirdynap.nir_to_dynapcnn(graph) == spec
        True
    """
    check_spec(spec)
    raise_errors(_findings(spec))
    growing = _Growing()
    convs = {core.core: growing.add(core.name, _convolution(core)) for core in spec.cores}
    outputs = [growing.add(name, _port(nir.Output, spec.output_shape(name))) for name in spec.output_names]
    entry = _camera(growing, growing.add("input", _port(nir.Input, spec.input_shape)), spec)
    neurons = {c.core: growing.add(f"{convs[c.core]}_if", _neurons(c, spec), convs[c.core]) for c in spec.cores}
    for port in spec.inputs:
        _connect(growing, entry, spec.port_shape, port.feature_shift, spec.core(port.core), convs[port.core])
    for core in spec.cores:
        for slot in core.destinations:
            source, shape = _pooled(growing, neurons[core.core], core.neuron_shape, slot.pooling)
            _connect(growing, source, shape, slot.feature_shift, spec.core(slot.core), convs[slot.core])
    for readout, output in zip(spec.outputs, outputs, strict=True):
        source, _ = _pooled(growing, neurons[readout.core], spec.core(readout.core).neuron_shape, readout.pooling)
        growing.edges.append((source, output))
    return _graph(growing, _provenance(spec, convs))


def _findings(spec: Spec) -> Iterator[Diagnostic]:
    fed = {port.core for port in spec.inputs} | {d.core for core in spec.cores for d in core.destinations}
    read = {port.core for port in spec.outputs}
    for name in spec.output_names:
        if len(spec.ports(name)) > 1:
            found = f"{len(spec.ports(name))} cores side by side are the output {name}"
            yield NOT_IN_NIR.at(f"$.outputs.{name}", value=found, remedy="the graph that the spec was made from")
    if spec.dvs is not None and (spec.dvs.mirror_y or spec.dvs.mirror_x or spec.dvs.mirror_diagonal):
        found = "the DVS layer mirrors its region"
        yield NOT_IN_NIR.at("$.dvs", value=found, remedy="a spec without mirrors, or without the layer (dvs=False)")
    for core in spec.cores:
        place = f"$.cores.{core.core}"
        if core.initial_state is not None and core.initial_state.any():
            found = "membranes start elsewhere than at 0"
            yield NOT_IN_NIR.at(place, value=found, remedy="a spec without initial_state")
        if core.decimator != 1:
            found = f"every {core.decimator}th spike passes only"
            yield NOT_IN_NIR.at(place, value=found, remedy="decimator = 1")
        if core.core not in fed:
            yield NOT_IN_NIR.at(place, value="nothing feeds the core", remedy="a spec without it")
        if core.core not in read and not core.destinations:
            yield NOT_IN_NIR.at(place, value="the core feeds nothing", remedy="an output there")


@dataclass(frozen=True, slots=True)
class _Growing:
    """The nodes and edges of a graph while it is built."""

    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    pools: dict[tuple[str, int], str] = field(default_factory=dict)

    def add(self, wish: str, node: Any, source: str | None = None) -> str:
        """Name under which `node` is kept: the wish, or the wish with marks behind it where that is taken."""
        name = re.sub(r"[./]", "_", wish)
        while name in self.nodes:
            name += "_"
        self.nodes[name] = node
        self.edges.extend([] if source is None else [(source, name)])
        return name


def _camera(growing: _Growing, entry: str, spec: Spec) -> str:
    """The node behind which cores see what the DVS layer lets through; `entry` without one."""
    dvs, (_, height, width) = spec.dvs, spec.input_shape
    if dvs is None:
        return entry
    pair, size = np.array(dvs.pooling), (height // dvs.pooling[0], width // dvs.pooling[1])
    if dvs.pooling != (1, 1):
        entry = growing.add("dvs_pool", nir.SumPool2d(kernel_size=pair, stride=pair, padding=np.array([0, 0])), entry)
    if (dvs.size, dvs.polarity, dvs.merge) == (size, "both", False):
        return entry
    passing = np.diag([dvs.polarity != "on", dvs.polarity != "off"])
    channels = passing.sum(axis=0, keepdims=True) if dvs.merge else passing
    kernel, padding = _window(size, dvs.size)
    weights = np.zeros((*channels.shape, *kernel))
    weights[:, :, padding[0] + dvs.origin[0], padding[1] + dvs.origin[1]] = channels
    region = _conv2d((2, *size), weights, np.zeros(len(channels)), (1, 1), padding)
    return growing.add("dvs_region", region, entry)


def _pooled(growing: _Growing, source: str, shape: Shape, size: int) -> tuple[str, Shape]:
    """The node behind `source` that sums over windows of `size`, and its shape; destinations may share it."""
    if size == 1:
        return source, shape
    if (source, size) not in growing.pools:
        pair = np.array([size, size])
        pool = nir.SumPool2d(kernel_size=pair, stride=pair, padding=np.array([0, 0]))
        growing.pools[source, size] = growing.add(f"{source}_pool{size}", pool, source)
    return growing.pools[source, size], (shape[0], shape[1] // size, shape[2] // size)


def _connect(growing: _Growing, source: str, shape: Shape, shift: int, core: CoreSpec, conv: str) -> None:
    """An edge, or a placement where an edge of NIR cannot say it: another map, or the same edge a second time."""
    if shape != core.input_shape or (source, conv) in growing.edges:
        source = growing.add(f"{source}_to_{conv}", _placement(shape, core.input_shape, shift), source)
    growing.edges.append((source, conv))


# --- nodes -----------------------------------------------------------------------------------------------------------


def _port(kind: Any, shape: Shape) -> Any:
    return kind({"input" if kind is nir.Input else "output": np.array(shape)})


def _convolution(core: CoreSpec) -> Any:
    bias = np.zeros(len(core.weights)) if core.bias is None else core.bias
    return _conv2d(core.input_shape, core.weights, bias, core.stride, core.padding)


def _placement(shape: Shape, room: Shape, shift: int) -> Any:
    """A convolution that copies a map of `shape` into one of `room`, its corner at (0, 0)."""
    kernel, padding = _window(shape[1:], room[1:])
    weights = placement_kernel(room[0], shape[0], kernel, padding, shift)
    return _conv2d(shape, weights, np.zeros(room[0]), (1, 1), padding)


def _window(size: Pair, room: Pair) -> tuple[Pair, Pair]:
    """Kernel and padding (y, x) that make a map of `room` of one of `size`; a tap at `padding` begins at (0, 0)."""
    grows = (room[0] - size[0], room[1] - size[1])
    reach: Pair = (abs(grows[0]), abs(grows[1]))
    if (grows[0] - grows[1]) % 2 == 0:  # a square kernel can do it, and nir's type check is right for those only
        reach = (max(reach), max(reach))
    return (reach[0] + 1, reach[1] + 1), ((grows[0] + reach[0]) // 2, (grows[1] + reach[1]) // 2)


def _conv2d(shape: Shape, weights: Any, bias: Any, stride: Pair, padding: Pair) -> Any:
    return nir.Conv2d(
        input_shape=shape[1:],
        weight=np.array(weights, dtype=np.float32),
        stride=stride,
        padding=padding,
        dilation=(1, 1),
        groups=1,
        bias=np.array(bias, dtype=np.float32),
    )


def _neurons(core: CoreSpec, spec: Spec) -> Any:
    settings = {
        "reset": "zero" if core.return_to_zero else "subtract",
        "v_min": float(core.threshold_low),
        "tie": "fires",
        "spikes_per_step": spec.spikes_per_step,
        "scale": 1.0,
    }
    full = np.ones(core.neuron_shape, dtype=np.float32)
    return nir.IF(r=full, v_threshold=full * core.threshold_high, metadata={"dynapcnn": settings})


def _provenance(spec: Spec, convs: dict[int, str]) -> dict[str, Any]:
    return {
        "convention": "nir",  # of which nothing is left open: every neuron says all of it
        "chip": spec.chip,
        "digest": spec.digest(),
        "cores": {convs[core.core]: core.core for core in spec.cores},
        "scales": {convs[core.core]: core.scale for core in spec.cores},
    }


def _graph(growing: _Growing, provenance: dict[str, Any]) -> nir.NIRGraph:
    # The type check of nir >= 1.0.6 is wrong for kernels that are not square; older releases have none.
    known = inspect.signature(nir.NIRGraph).parameters
    options = {"type_check": False} if "type_check" in known else {}
    return nir.NIRGraph(growing.nodes, growing.edges, metadata={"dynapcnn": provenance}, **options)
