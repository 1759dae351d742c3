"""What two networks are compared by: named parts with settings and arrays, and the wires between them.

A float network and a spec are both brought to these terms, so that there is one comparison and not two.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nirdynap.frontend.raw import RawGraph, RawNode
from nirdynap.ir.clock import SlowClock
from nirdynap.ir.convention import Convention
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.network import Network, Node, unused_name
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import IntArray, shape_text, side_by_side

Plain: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Wire:
    """Spikes of `source`, summed over `pooling` x `pooling` windows, reach `target`, channels up by `feature_shift`."""

    source: str
    target: str
    pooling: int = 1
    feature_shift: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """A node of a float network, or what a spec makes of a layer: all cores that hold it.

    Attributes:
        name: unique in its graph; kind: type of node, "Layer", or "Helper" for copies and relays.
        nodes: the user's nodes that it stands for.
        form: shapes that it takes in and sends on.
        settings: all that decides what it does and is no array, and where it lies.
        arrays: by name.
    """

    name: str
    kind: str
    nodes: tuple[str, ...]
    form: tuple[str, ...]
    settings: Mapping[str, Plain]
    arrays: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph:
    """Parts in topological order, wires, and what holds for the whole."""

    settings: Mapping[str, Plain]
    parts: tuple[Part, ...]
    wires: tuple[Wire, ...]


def graph_of_network(network: Network) -> Graph:
    """A float network as it was read: each node is a part."""
    return Graph(
        settings=_convention(network.convention),
        parts=tuple(_node(node) for node in network.nodes),
        wires=tuple(Wire(source=e.source, target=e.target, feature_shift=e.feature_shift) for e in network.edges),
    )


def graph_of_file(raw: RawGraph) -> Graph:
    """A NIR graph as it was found, with nothing filled in: for files that are refused."""
    return Graph(
        settings={},
        parts=tuple(_found(node) for node in raw.nodes),
        wires=tuple(Wire(source=a, target=b) for a, b in raw.edges),
    )


def graph_of_spec(spec: Spec) -> Graph:
    """A spec: all cores of one layer are a part, and so are the input and each output."""
    groups: dict[str, tuple[CoreSpec, ...]] = {}
    for core in spec.cores:
        groups[core.name] = (*groups.get(core.name, ()), core)
    source = unused_name((*groups, *spec.output_names), "input")
    held = {name: unused_name(groups, name) for name in spec.output_names}
    shape = shape_text(spec.port_shape)
    return Graph(
        settings={
            "chip": spec.chip,
            "spikes_per_step": spec.spikes_per_step,
            "input": shape_text(spec.input_shape),
            **_block("dvs", spec.dvs),
            **_block("slow_clock", spec.slow_clock),
            **_block("readout", spec.readout),
            **_convention(spec.convention),
        },
        parts=(
            Part(name=source, kind="Input", nodes=(), form=(shape,), settings={"shape": shape}, arrays={}),
            *(_layer(name, sorted(cores, key=lambda core: core.first_channel)) for name, cores in groups.items()),
            *(_output(held[name], name, shape_text(spec.output_shape(name))) for name in spec.output_names),
        ),
        wires=tuple(dict.fromkeys(_wires(spec, source, held))),  # a split layer's cores share them
    )


def _convention(convention: Convention) -> dict[str, Plain]:
    values = {f"convention.{f.name}": getattr(convention, f.name) for f in dataclasses.fields(convention)}
    return {"convention": values.pop("convention.name"), **values}


def _node(node: Node) -> Part:
    fields = {f.name: getattr(node, f.name) for f in dataclasses.fields(node) if f.name not in ("name", "origin")}
    arrays = {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}
    fields["output_shape"] = node.output_shape
    settings = {name: _plain(value) for name, value in fields.items() if name not in arrays}
    form = (shape_text(node.input_shape), shape_text(node.output_shape))
    return Part(
        name=node.name, kind=type(node).__name__, nodes=(node.name,), form=form, settings=settings, arrays=arrays
    )


def _found(node: RawNode) -> Part:
    fields = {name: np.asarray(value) for name, value in node.fields.items()}
    arrays = {name: array for name, array in fields.items() if array.dtype.kind in "iufb"}
    texts = {name: str(array) for name, array in fields.items() if name not in arrays}
    return Part(name=node.name, kind=node.type, nodes=(node.name,), form=(), settings=texts, arrays=arrays)


def _output(name: str, node: str, shape: str) -> Part:
    return Part(name=name, kind="Output", nodes=(node,), form=(shape,), settings={"shape": shape}, arrays={})


def _block(name: str, block: DvsLayer | SlowClock | ReadoutOptions | None) -> dict[str, Plain]:
    """The fields of a part of the chip that a spec may do without."""
    if block is None:
        return {name: None}
    return {f"{name}.{f.name}": _plain(getattr(block, f.name)) for f in dataclasses.fields(block)}


def _layer(name: str, cores: list[CoreSpec]) -> Part:
    first = cores[0]
    neurons = (sum(core.neuron_shape[0] for core in cores), *first.neuron_shape[1:])
    form = (shape_text(first.input_shape), shape_text(neurons))
    settings = {
        "input_shape": form[0],
        "neuron_shape": form[1],
        "stride": _common(shape_text(core.stride) for core in cores),
        "padding": _common(shape_text(core.padding) for core in cores),
        "threshold_high": _common(core.threshold_high for core in cores),
        "threshold_low": _common(core.threshold_low for core in cores),
        "reset": _common("zero" if core.return_to_zero else "subtract" for core in cores),
        "scale": _common(core.scale for core in cores),
        "decimator": _common(core.decimator for core in cores),
        "spacing": _common(core.spacing for core in cores),
        "core": _common([" ".join(str(core.core) for core in cores)]),
        "channels": " ".join(str(core.neuron_shape[0]) for core in cores),
        "kernel words": sum(core.memory.kernel for core in cores),
        "neuron words": sum(core.memory.neuron for core in cores),
        "bias words": sum(core.memory.bias for core in cores),
    }
    arrays = {field: _joined(cores, field) for field in ("weights", "bias", "initial_state")}
    return Part(
        name=name,
        kind="Layer" if first.origin else "Helper",
        nodes=first.origin,
        form=form,
        settings=settings,
        arrays={field: array for field, array in arrays.items() if array is not None},
    )


def _joined(cores: list[CoreSpec], field: str) -> IntArray | None:
    """The array of a layer over all of its output channels, as if it were on one core."""
    held = [getattr(core, field) for core in cores]
    if any(array is None for array in held):
        return None
    return side_by_side(held, axis=0)


def _wires(spec: Spec, source: str, held: Mapping[str, str]) -> Iterator[Wire]:
    """Of each core of a split layer, what its channels are moved up by is told from the layer's first channel on."""
    names = {core.core: core.name for core in spec.cores}
    first = {core.core: core.first_channel for core in spec.cores}
    for entry in spec.inputs:
        yield Wire(source=source, target=names[entry.core], feature_shift=entry.feature_shift)
    for core in spec.cores:
        for d in core.destinations:
            shift = d.feature_shift - core.first_channel
            yield Wire(source=core.name, target=names[d.core], pooling=d.pooling, feature_shift=shift)
    for port in spec.outputs:
        shift = port.feature_shift - first[port.core]
        yield Wire(source=names[port.core], target=held[port.name], pooling=port.pooling, feature_shift=shift)


def _common(values: Iterable[Plain]) -> Plain:
    """The value that all cores of a layer share, or theirs one after the other."""
    found = list(values)
    return found[0] if len(set(found)) == 1 else " ".join(str(value) for value in found)


def _plain(value: Any) -> Plain:
    return shape_text(value) if isinstance(value, tuple) else value
