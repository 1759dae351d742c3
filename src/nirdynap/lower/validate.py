"""Every rule that a finished spec must obey, one small function each; all findings at once.

What a float layer and a finished core have in common is stated in rules.py and asked here again; what hangs together
between the parts of a spec is stated here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nirdynap.chips.chip import Chip, chip_names, load_chip
from nirdynap.errors import (
    ARRAYS_DIFFER,
    CORE_TWICE,
    DEAD_END,
    DVS_DESTINATIONS,
    DVS_REGION,
    FEATURES_OVERFLOW,
    MAPS_DIFFER,
    MEMORY_MISCOUNTED,
    NO_SUCH_CORE,
    NOT_IN_ORDER,
    NOT_SQUARE,
    OUT_OF_RANGE,
    SLOTS,
    Diagnostic,
    InputError,
    errors_of,
    node_place,
    raise_errors,
)
from nirdynap.ir.arguments import check_spec
from nirdynap.ir.digest import Same
from nirdynap.ir.spec import Memory, OutputPort, Spec
from nirdynap.ir.units import INT16_MAX, INT16_MIN, THRESHOLD_LOW_MAX, Shape, conv_output, shape_text
from nirdynap.lower.camera import no_camera, pooling_finding, target_finding
from nirdynap.lower.clock import clock_findings
from nirdynap.lower.decimate import decimation_findings
from nirdynap.lower.readout import block_findings
from nirdynap.lower.rules import MEMORY_KINDS, SHAPE_RULES, ki, memory_of_layer, pooling_findings
from nirdynap.lower.typed import fields_hold_what_they_should


def validate(spec: Spec, chip: str | Path | Chip | None = None) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a finished spec, whoever made it; no finding is raised.

    `save`, `load` and the export to samna ask it, and conversion asks it of what it has made.

    Args:
        spec: any spec.
        chip: what it has to fit, as in `load_chip`; default: the chip that the spec names. Of a name that does not
            come with nirdynap only the spec itself is known, and the limits of the chip are not asked.

    Returns:
        Findings of how the parts hang together (ND391, ND620 to ND626) and, if those are no errors, of the limits of
        the chip (ND3xx, ND621, ND625, ND627, ND628); if fields are not of the type that they are declared with (ND663),
        those alone. Warnings: ND629, where simulators know what happens and the vendor may refuse it, and ND662, a
        core whose spikes go nowhere.

    Raises:
        CompileError: ND324, ND325 for a chip that cannot be loaded.
        InputError: ND513 for what is no Spec.

    Example:
        >>> from nirdynap.ir.spec import Destination
        >>> from nirdynap.testing.build import build_core, build_spec
        >>> spec = build_spec(build_core(0, [[[[5]]]], (1, 1, 1), destinations=[Destination(core=3, pooling=1)]))
        >>> [str(finding) for finding in validate(spec)]
        ['ND621 no such core, at $.cores[0].destinations[0].core: core 3 is not in use; try one of 0']
    """
    check_spec(spec)
    if mistyped := tuple(fields_hold_what_they_should(spec)):
        return mistyped
    findings = tuple(finding for rule in COHERENCE for finding in rule(spec))
    if errors_of(findings):
        return findings
    findings = (*findings, *spikes_go_somewhere(spec))
    if chip is None and spec.chip in chip_names():
        chip = spec.chip
    if chip is None:
        return findings
    chip = load_chip(chip)
    return (*findings, *(finding for rule in LIMITS for finding in rule(spec, chip)))


def check_coherent(spec: Spec) -> None:
    """Nothing, for a spec whose parts hang together, on whatever chip: what simulators rely on.

    Raises:
        InputError: ND513 for what is no Spec; ND391, ND620 to ND625 but for ND623, ND663 as `validate` finds them.
    """
    check_spec(spec)
    raise_errors(_incoherent(Same(spec)), InputError)


@lru_cache(maxsize=8)
def _incoherent(key: Same[Spec]) -> tuple[Diagnostic, ...]:
    """Kept for the last few specs, as `lay_out` keeps them: a simulator may be made for each sample."""
    mistyped = tuple(fields_hold_what_they_should(key.value))
    findings = mistyped or tuple(finding for rule in STRUCTURE for finding in rule(key.value))
    # Spikes beyond the channels of a target are dropped and counted (docs/semantics.md), so such a spec can run.
    return tuple(finding for finding in findings if finding.code != FEATURES_OVERFLOW.code)


# --- how the parts hang together -------------------------------------------------------------------------------------


def cores_are_distinct(spec: Spec) -> Iterator[Diagnostic]:
    """A core holds one layer."""
    held = [core.core for core in spec.cores]
    for i, core in enumerate(held):
        if core in held[:i]:
            yield CORE_TWICE.at(f"$.cores[{i}].core", value=core, limit=held.count(core))


def ports_name_cores(spec: Spec) -> Iterator[Diagnostic]:
    """Inputs, outputs and destinations are cores in use."""
    used = sorted({core.core for core in spec.cores})
    targets = [(f"$.outputs[{i}].core", port.core) for i, port in enumerate(spec.outputs)]
    targets += [(f"{arrival.path}.core", arrival.target) for arrival in _arrivals(spec)]
    for path, target in targets:
        if target not in used:
            yield NO_SUCH_CORE.at(path, value=target, why="is not in use", limit=", ".join(map(str, used)))


def targets_come_later(spec: Spec) -> Iterator[Diagnostic]:
    """Cores are listed each before those that it feeds, so there is no cycle: that could deadlock the chip."""
    position = {core.core: i for i, core in enumerate(spec.cores)}
    for i, core in enumerate(spec.cores):
        for d, destination in enumerate(core.destinations):
            if position.get(destination.core, i + 1) <= i:
                path = f"$.cores[{i}].destinations[{d}].core"
                yield NOT_IN_ORDER.at(path, value=destination.core, limit=core.core)


def features_arrive(spec: Spec) -> Iterator[Diagnostic]:
    """What reaches a core, moved up by the feature shift, is among its input features."""
    room = {core.core: core.input_shape[0] for core in spec.cores}
    for arrival in _arrivals(spec):
        last, limit = arrival.shape[0] + arrival.shift, room.get(arrival.target)
        if limit is not None and last > limit:
            yield FEATURES_OVERFLOW.at(f"{arrival.path}.feature_shift", value=last, limit=limit, core=arrival.target)


def parts_make_one_output(spec: Spec) -> Iterator[Diagnostic]:
    """The parts of an output follow each other without gaps, all with the same map and pooling."""
    cores = {core.core: core for core in spec.cores}
    first: dict[str, OutputPort] = {}
    taken: dict[str, int] = {}
    for i, port in enumerate(spec.outputs):
        if port.core not in cores:
            continue  # another rule says so
        before, end = first.setdefault(port.name, port), taken.get(port.name, 0)
        channels, *size = cores[port.core].neuron_shape
        if port.feature_shift != end:
            yield _differs(f"$.outputs[{i}]", "feature_shift", port.feature_shift, end)
        if port.pooling != before.pooling:
            yield _differs(f"$.outputs[{i}]", "pooling", port.pooling, before.pooling)
        if size != [*cores[before.core].neuron_shape[1:]]:
            yield _differs(f"$.outputs[{i}]", "map", size, [*cores[before.core].neuron_shape[1:]])
        taken[port.name] = port.feature_shift + channels


def arrays_match(spec: Spec) -> Iterator[Diagnostic]:
    """Every array has the integers of its memory, and the shape that the maps ask for."""
    for i, core in enumerate(spec.cores):
        for field, dtype in (("weights", np.int8), ("bias", np.int16), ("initial_state", np.int16)):
            array = getattr(core, field)
            if array is not None and array.dtype != dtype:
                yield _differs(f"$.cores[{i}]", f"{field}.dtype", array.dtype.name, np.dtype(dtype).name)
        if core.weights.ndim != 4 or min(core.weights.shape) < 1:
            yield _differs(f"$.cores[{i}]", "weights.shape", core.weights.shape, "(out, in, ky, kx)")
            continue
        out, into, ky, kx = core.weights.shape
        if into != core.input_shape[0]:
            yield _differs(f"$.cores[{i}]", "weights.shape[1]", into, core.input_shape[0])
        size = conv_output(core.input_shape[1:], (ky, kx), core.stride, core.padding) if min(core.stride) > 0 else ()
        if core.neuron_shape != (out, *size):
            yield _differs(f"$.cores[{i}]", "neuron_shape", core.neuron_shape, (out, *size))
        if core.bias is not None and core.bias.shape != (out,):
            yield _differs(f"$.cores[{i}]", "bias.shape", core.bias.shape, (out,))
        if core.initial_state is not None and core.initial_state.shape != core.neuron_shape:
            yield _differs(f"$.cores[{i}]", "initial_state.shape", core.initial_state.shape, core.neuron_shape)


def numbers_are_in_range(spec: Spec) -> Iterator[Diagnostic]:
    """Numbers that every chip bounds alike (docs/semantics.md, section Words)."""
    for i, core in enumerate(spec.cores):
        path = f"$.cores[{i}]"
        yield from _within(path, "threshold_high", core.threshold_high, 1, INT16_MAX)
        yield from _within(path, "threshold_low", core.threshold_low, INT16_MIN, THRESHOLD_LOW_MAX)
        yield from _within(path, "decimator", core.decimator, 1, None)
        for axis in (0, 1):
            yield from _within(path, f"input_shape[{axis + 1}]", core.input_shape[axis + 1], 1, None)
            yield from _within(path, f"neuron_shape[{axis + 1}]", core.neuron_shape[axis + 1], 1, None)
            yield from _within(path, f"stride[{axis}]", core.stride[axis], 1, None)
            yield from _within(path, f"padding[{axis}]", core.padding[axis], 0, None)
    for arrival in _arrivals(spec):
        yield from _within(arrival.path, "pooling", arrival.pooling, 1, None)
        yield from _within(arrival.path, "feature_shift", arrival.shift, 0, None)
    for i, port in enumerate(spec.outputs):
        yield from _within(f"$.outputs[{i}]", "pooling", port.pooling, 1, None)


def memory_adds_up(spec: Spec) -> Iterator[Diagnostic]:
    """The words stated are those of the two formulas, and the core has them."""
    for i, core in enumerate(spec.cores):
        if core.weights.ndim != 4 or min(*core.weights.shape, *core.neuron_shape) < 1:
            continue  # another rule says so
        need = memory_of_layer(core, core.weights.shape[0])
        rows = zip(Memory._fields, MEMORY_KINDS, need, core.memory, core.capacity, strict=True)
        for field, kind, words, stated, room in rows:
            if stated != words:
                path = f"$.cores[{i}].memory.{field}"
                yield MEMORY_MISCOUNTED.at(path, parameter=field, value=stated, limit=words)
            if words > room:
                texts = {"need": ki(words), "room": ki(room), "core": core.core, "remedy": "a core with more of it"}
                yield kind.at(node_place(core.name), value=words, limit=room, **texts)


def spikes_go_somewhere(spec: Spec) -> Iterator[Diagnostic]:
    """A core feeds another one or is an output; else it only takes time."""
    read = {port.core for port in spec.outputs}
    for i, core in enumerate(spec.cores):
        if not core.destinations and core.core not in read:
            yield DEAD_END.at(f"$.cores[{i}].destinations", value=core.core)


def region_is_covered(spec: Spec) -> Iterator[Diagnostic]:
    """A camera's events have two polarities, and the region of the DVS layer lies on the camera."""
    if spec.dvs is None:
        return
    if spec.input_shape[0] != 2:
        parameter = "input_shape[0]"
        yield ARRAYS_DIFFER.at(f"$.{parameter}", parameter=parameter, value=spec.input_shape[0], limit="2 polarities")
    for axis in (0, 1):
        yield from _within("$.dvs", f"pooling[{axis}]", spec.dvs.pooling[axis], 1, None)
        yield from _within("$.dvs", f"origin[{axis}]", spec.dvs.origin[axis], 0, None)
        yield from _within("$.dvs", f"size[{axis}]", spec.dvs.size[axis], 1, None)
    if any(pixels > side for pixels, side in zip(spec.dvs.reach, spec.input_shape[1:], strict=True)):
        yield DVS_REGION.at("$.dvs", value=shape_text(spec.dvs.reach), limit=shape_text(spec.input_shape[1:]))


STRUCTURE = (
    cores_are_distinct,
    ports_name_cores,
    targets_come_later,
    features_arrive,
    parts_make_one_output,
    arrays_match,
    numbers_are_in_range,
    region_is_covered,
)
COHERENCE = (*STRUCTURE, memory_adds_up)


# --- the limits of the chip ------------------------------------------------------------------------------------------


def cores_exist(spec: Spec, chip: Chip) -> Iterator[Diagnostic]:
    """The chip has the core, with as much memory as the spec says."""
    for i, core in enumerate(spec.cores):
        if core.core >= len(chip.cores) or core.core < 0:
            why, limit = f"is none of {chip.name}", f"0 to {len(chip.cores) - 1}"
            yield NO_SUCH_CORE.at(f"$.cores[{i}].core", value=core.core, why=why, limit=limit)
            continue
        for field, stated, room in zip(Memory._fields, core.capacity, chip.cores[core.core], strict=True):
            if stated != room:
                path = f"$.cores[{i}].capacity.{field}"
                yield MEMORY_MISCOUNTED.at(path, parameter=f"{field} of core {core.core}", value=stated, limit=room)


def shapes_are_legal(spec: Spec, chip: Chip) -> Iterator[Diagnostic]:
    """Kernel, stride, padding, maps and features of each core are within the limits."""
    for core in spec.cores:
        ky, kx = core.weights.shape[2:]
        if ky != kx:
            yield NOT_SQUARE.at(node_place(core.name), value=shape_text((ky, kx)), limit=max(ky, kx))
        for rule in SHAPE_RULES:
            yield from rule(core, chip)


def destinations_are_legal(spec: Spec, chip: Chip) -> Iterator[Diagnostic]:
    """No more slots than the core has, each with a pooling that it can do."""
    for core in spec.cores:
        if len(core.destinations) > chip.limits.destinations:
            yield SLOTS.at(node_place(core.name), value=len(core.destinations), limit=chip.limits.destinations)
        yield from pooling_findings(core, ((slot.pooling, slot.pooling) for slot in core.destinations), chip)
    for arrival in _arrivals(spec):
        yield from _within(arrival.path, "feature_shift", arrival.shift, 0, chip.limits.feature_shift)


def maps_match(spec: Spec, chip: Chip) -> Iterator[Diagnostic]:
    """What reaches a core is as large as its input map; inferred from the vendor's messages, so only a warning."""
    rooms = {core.core: core.input_shape[1:] for core in spec.cores}
    camera = 0 if spec.dvs is None else len(spec.inputs)  # of those another rule says more
    for arrival in [*_arrivals(spec)][camera:]:
        room = rooms[arrival.target]
        if arrival.shape[1:] != room:
            size = shape_text(arrival.shape[1:])
            yield MAPS_DIFFER.at(arrival.path, value=size, limit=shape_text(room), core=arrival.target)


def camera_is_legal(spec: Spec, chip: Chip) -> Iterator[Diagnostic]:
    """The chip has the camera, its DVS layer the slots and the poolings, and the cores take in just what it gives."""
    if spec.dvs is None:
        return
    if chip.camera is None:
        yield no_camera(chip)
        return
    if any(pixels > side for pixels, side in zip(spec.input_shape[1:], chip.camera.size, strict=True)):
        yield DVS_REGION.at("$.input_shape", value=shape_text(spec.input_shape[1:]), limit=shape_text(chip.camera.size))
    if any(size not in chip.camera.poolings for size in spec.dvs.pooling):
        yield pooling_finding("$.dvs.pooling", spec.dvs.pooling, chip.camera)
    if len(spec.inputs) > chip.camera.destinations:
        yield DVS_DESTINATIONS.at("$.dvs", value=len(spec.inputs), limit=chip.camera.destinations)
    for i, port in enumerate(spec.inputs):
        yield from target_finding(f"$.inputs[{i}]", spec.dvs, port.feature_shift, spec.core(port.core).input_shape)


def decimators_are_legal(spec: Spec, chip: Chip) -> Iterator[Diagnostic]:
    """The chip can pass each such spike."""
    for core in spec.cores:
        yield from decimation_findings(core.name, core.decimator, chip)


def clock_is_legal(spec: Spec, chip: Chip) -> Iterator[Diagnostic]:
    """The chip has such a clock."""
    yield from clock_findings(spec.slow_clock, spec.dvs, chip)


def readout_is_legal(spec: Spec, chip: Chip) -> Iterator[Diagnostic]:
    """The chip has the readout block, which can read the output; only for it do channels lie apart."""
    yield from block_findings(spec, chip)
    read = {port.core for port in spec.outputs if spec.readout is not None and port.name == spec.readout.output}
    for i, core in enumerate(spec.cores):
        spacing = chip.readout.spacing if chip.readout is not None and core.core in read else 1
        if core.spacing != spacing:
            yield _differs(f"$.cores[{i}]", "spacing", core.spacing, spacing)


LIMITS = (
    readout_is_legal,
    clock_is_legal,
    decimators_are_legal,
    cores_exist,
    shapes_are_legal,
    destinations_are_legal,
    maps_match,
    camera_is_legal,
)


# --- helpers ---------------------------------------------------------------------------------------------------------


class _Arrival(NamedTuple):
    path: str
    target: int
    shape: Shape  # behind the pooling
    shift: int
    pooling: int


def _arrivals(spec: Spec) -> Iterator[_Arrival]:
    """What reaches which core: from outside, then from the cores."""
    for i, port in enumerate(spec.inputs):
        yield _Arrival(f"$.inputs[{i}]", port.core, spec.port_shape, port.feature_shift, 1)
    for i, core in enumerate(spec.cores):
        for d, slot in enumerate(core.destinations):
            c, h, w = core.neuron_shape
            pooling = max(1, slot.pooling)  # of smaller ones another rule says so
            path = f"$.cores[{i}].destinations[{d}]"
            yield _Arrival(path, slot.core, (c, h // pooling, w // pooling), slot.feature_shift, slot.pooling)


def _within(path: str, parameter: str, value: int, low: int, high: int | None) -> Iterator[Diagnostic]:
    if value < low or (high is not None and value > high):
        limit = f"at least {low}" if high is None else f"{low} to {high}"
        yield OUT_OF_RANGE.at(f"{path}.{parameter}", parameter=parameter, value=value, limit=limit)


def _differs(path: str, parameter: str, value: object, limit: object) -> Diagnostic:
    return ARRAYS_DIFFER.at(f"{path}.{parameter}", parameter=parameter, value=str(value), limit=str(limit))
