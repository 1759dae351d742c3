"""A configuration object of samna, whoever made it, as a spec: to be validated, simulated and compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from nirdynap.chips.chip import Chip, load_chip
from nirdynap.chips.memory import memory_of
from nirdynap.errors import (
    BAD_OPTION,
    SEVERAL_ENTRIES,
    VENDOR_CLASS,
    CompileError,
    Diagnostic,
    InputError,
    raise_errors,
)
from nirdynap.export.samna_camera import read_camera
from nirdynap.export.samna_readout import read_port, read_readout, together
from nirdynap.export.samna_tree import Configuration
from nirdynap.ir.arguments import wrong
from nirdynap.ir.clock import InternalClock
from nirdynap.ir.convention import CONVENTIONS
from nirdynap.ir.digest import frozen
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, OutputPort, Spec
from nirdynap.ir.units import Shape
from nirdynap.lower.camera import camera_shape
from nirdynap.lower.readout import on_chip


def from_samna(config: Any, chip: str = "speck2f", *, inputs: Collection[int] | None = None) -> Spec:
    """What a configuration object has the chip compute, as far as a spec can say it: the cores in use.

    A core is in use when it has weights. What the DVS layer feeds are the inputs; if it feeds none, or lets no polarity
    pass, `inputs`, or all cores that no other feeds: a configuration does not say which of them hear events from
    outside, so where there are several a warning in the spec's notes names them (ND661). Monitored cores are the
    outputs, those that the readout block reads one output together; nodes are named "core0" to "core8". Filters are not
    looked at. Nothing is refused: ask `nirdynap.validate` of the result.

    Args:
        config: a ``SpeckConfiguration`` of samna or of its stand-in.
        chip: what it is for.
        inputs: the cores that hear events from outside, where the DVS layer feeds none.

    Raises:
        InputError: ND513 for what is no configuration object.
        CompileError: ND126 for `inputs` that are no cores in use, or stand beside a DVS layer; ND324, ND325 for a chip
            that cannot be loaded; ND644 for an object with other attributes.

    Example:
        >>> from nirdynap.export.samna_config import to_samna
        >>> from nirdynap.testing.build import build_core, build_spec
        >>> from nirdynap.testing.samna_stand_in import samna_stand_in
        >>> spec = build_spec(build_core(3, [[[[5, 6], [7, 8]]]], (1, 2, 2), threshold_high=10))
        >>> from_samna(to_samna(spec, samna_stand_in())).cores[0].weights.tolist()
        [[[[5, 6], [7, 8]]]]
    """
    if not isinstance(getattr(config, "cnn_layers", None), Iterable) or isinstance(config, Configuration):
        remedy = f"what nirdynap.to_samna(spec, samna) returns, or samna.{chip}.configuration.SpeckConfiguration()"
        raise InputError([wrong("config", config, "a configuration object of samna", remedy)])
    facts = load_chip(chip)
    try:
        layers = {i: layer for i, layer in enumerate(config.cnn_layers) if np.size(layer.weights)}
        readout, read = read_readout(config, layers, facts)
        cores = {i: _core(i, layer, facts, together(layer, facts) if i in read else 1) for i, layer in layers.items()}
        dvs, ports = read_camera(config.dvs_layer)
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        found = f"{type(error).__name__}: {error}"
        raise CompileError([VENDOR_CLASS.at("$.config", value=found, limit=chip)]) from error
    raise_errors(_no_inputs(inputs, cores, camera=dvs is not None))
    entries, notes = ([], ()) if dvs is not None else _entries(cores, inputs)
    shape = cores[entries[0]].input_shape if entries else (1, 1, 1)
    return Spec(
        chip=chip,
        convention=CONVENTIONS["nir"],
        spikes_per_step="one",
        input_shape=shape if dvs is None else camera_shape(facts),
        inputs=tuple(InputPort(i, 0) for i in entries) if dvs is None else ports,
        outputs=tuple(
            read_port(i, layer, facts, f"core{read[0]}", cores[i].spacing)
            if i in read
            else OutputPort(i, 1, f"core{i}")
            for i, layer in layers.items()
            if layer.monitor_enable or i in read
        ),
        cores=tuple(cores[i] for i in _order(cores)),
        notes=notes,
        dvs=dvs,
        slow_clock=_clock(config, layers.values()),
        readout=readout,
    )


def _entries(cores: Mapping[int, CoreSpec], inputs: Collection[int] | None) -> tuple[list[int], tuple[Diagnostic, ...]]:
    """The cores that hear events from outside, and what was assumed of them."""
    if inputs is not None:
        return list(inputs), ()
    fed = {slot.core for core in cores.values() for slot in core.destinations}
    unfed = [i for i in cores if i not in fed]
    if len(unfed) < 2:
        return unfed, ()
    return unfed, (SEVERAL_ENTRIES.at("$.inputs", value=", ".join(map(str, unfed)), limit=str(unfed[:1])),)


def _no_inputs(inputs: object, cores: Collection[int], *, camera: bool) -> Iterator[Diagnostic]:
    """ND126 for `inputs` that mean nothing."""
    if inputs is None:
        return
    given = list(inputs) if isinstance(inputs, Collection) and not isinstance(inputs, (str, bytes)) else []
    whole = all(isinstance(core, int) and not isinstance(core, bool) and core in cores for core in given)
    if camera or not given or not whole or len(set(given)) < len(given):
        limit = "None: the DVS layer feeds the cores" if camera else f"cores in use, such as {list(cores)[:1]}"
        yield BAD_OPTION.at("$.inputs", parameter="inputs", value=str(inputs), limit=limit)


def _clock(config: Any, layers: Iterable[Any]) -> InternalClock | None:
    """The chip's own; the board's is no part of the configuration."""
    if config.readout.internal_slow_clk or any(layer.leak_internal_slow_clk_enable for layer in layers):
        return InternalClock(divider=config.factory_config.internal_slow_clk_divider)
    return None


def _order(cores: dict[int, CoreSpec]) -> list[int]:
    """Sources before targets, lower cores first; those of a cycle come last, in order."""
    order: list[int] = []
    while len(order) < len(cores):
        left = [i for i in cores if i not in order]
        waiting = {slot.core for i in left for slot in cores[i].destinations}
        order.append(next((i for i in left if i not in waiting), left[0]))
    return order


def _core(index: int, layer: Any, chip: Chip, spacing: int) -> CoreSpec:
    dimensions = layer.dimensions
    weights = frozen(np.swapaxes(layer.weights, -1, -2)[::spacing], np.int8)
    state = frozen(np.swapaxes(layer.neurons_initial_value, -1, -2)[::spacing], np.int16)
    bias = frozen(layer.biases[::spacing], np.int16) if layer.leak_enable else None
    out, into, ky, kx = weights.shape
    features, *size = _shape(dimensions.output_shape)
    neuron_shape = (-(-features // spacing), size[0], size[1])
    return CoreSpec(
        core=index,
        name=f"core{index}",
        origin=(f"core{index}",),
        input_shape=_shape(dimensions.input_shape),
        neuron_shape=neuron_shape,
        weights=weights,
        bias=bias,
        stride=(dimensions.stride.y, dimensions.stride.x),
        padding=(dimensions.padding.y, dimensions.padding.x),
        threshold_high=layer.threshold_high,
        threshold_low=layer.threshold_low,
        return_to_zero=layer.return_to_zero,
        initial_state=state if state.any() or state.shape != neuron_shape else None,
        scale=1.0,
        destinations=tuple(
            Destination(core=slot.layer, pooling=slot.pooling, feature_shift=slot.feature_shift)
            for slot in layer.destinations
            if slot.enable and slot.layer < len(chip.cores)  # the readout block is layer 12
        ),
        memory=memory_of(
            weights_shape=(on_chip(out, spacing), into, ky, kx),
            neuron_shape=(on_chip(out, spacing), *neuron_shape[1:]),
            has_bias=bias is not None,
        ),
        capacity=chip.cores[index],
        decimator=chip.decimations[layer.output_decimator_interval] if layer.output_decimator_enable else 1,
        spacing=spacing,
    )


def _shape(shape: Any) -> Shape:
    return (shape.feature_count, shape.size.y, shape.size.x)
