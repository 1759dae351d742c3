"""What a schema cannot say: how the parts of a spec hang together. One small rule each, all findings at once."""

from __future__ import annotations

from collections.abc import Iterator

from nirdynap.chips.memory import memory_of
from nirdynap.ir.spec import Destination, InputPort, Memory, Spec
from nirdynap.ir.units import conv_output, shape_text
from nirdynap.schema import Violation


def incoherences(spec: Spec) -> tuple[Violation, ...]:
    """Every contradiction between the parts of a spec whose fields follow schemas/spec-v1 one by one."""
    return tuple(violation for rule in RULES for violation in rule(spec))


def _cores_are_distinct(spec: Spec) -> Iterator[Violation]:
    seen: set[int] = set()
    for i, core in enumerate(spec.cores):
        if core.core in seen:
            yield Violation(f"$.cores[{i}].core", f"core {core.core} is used twice")
        seen.add(core.core)


def _ports_name_cores(spec: Spec) -> Iterator[Violation]:
    used = {core.core for core in spec.cores}
    ports = {"inputs": [port.core for port in spec.inputs], "outputs": [port.core for port in spec.outputs]}
    for kind, targets in ports.items():
        for i, target in enumerate(targets):
            if target not in used:
                yield Violation(f"$.{kind}[{i}].core", f"core {target} is not in use")


def _destinations_come_later(spec: Spec) -> Iterator[Violation]:
    for i, core in enumerate(spec.cores):
        later = {other.core for other in spec.cores[i + 1 :]}
        for d, destination in enumerate(core.destinations):
            if destination.core not in later:
                path = f"$.cores[{i}].destinations[{d}].core"
                yield Violation(path, f"core {destination.core} does not come behind core {core.core}")


def _features_arrive(spec: Spec) -> Iterator[Violation]:
    room = {core.core: core.input_shape[0] for core in spec.cores}
    arrivals: list[tuple[str, int, InputPort | Destination]]
    arrivals = [(f"$.inputs[{i}]", spec.port_shape[0], port) for i, port in enumerate(spec.inputs)]
    arrivals += [
        (f"$.cores[{i}].destinations[{d}]", core.neuron_shape[0], destination)
        for i, core in enumerate(spec.cores)
        for d, destination in enumerate(core.destinations)
    ]
    for path, features, target in arrivals:
        last = features + target.feature_shift
        if last > room.get(target.core, last):
            found = f"{last} features reach core {target.core}, which takes in {room[target.core]}"
            yield Violation(f"{path}.feature_shift", found)


def _arrays_match_the_maps(spec: Spec) -> Iterator[Violation]:
    for i, core in enumerate(spec.cores):
        out, _, ky, kx = core.weights.shape
        size = conv_output(core.input_shape[1:], (ky, kx), core.stride, core.padding)
        if core.weights.shape[1] != core.input_shape[0]:
            found = f"{core.weights.shape[1]} input channels, but input_shape has {core.input_shape[0]}"
            yield Violation(f"$.cores[{i}].weights", found)
        if core.neuron_shape != (out, *size):
            found = f"is {core.neuron_shape}, but the convolution gives {(out, *size)}"
            yield Violation(f"$.cores[{i}].neuron_shape", found)
        if core.bias is not None and core.bias.shape != (out,):
            yield Violation(f"$.cores[{i}].bias", f"has shape {core.bias.shape}, expected {(out,)}")
        if core.initial_state is not None and core.initial_state.shape != core.neuron_shape:
            found = f"has shape {core.initial_state.shape}, expected {core.neuron_shape}"
            yield Violation(f"$.cores[{i}].initial_state", found)


def _memory_adds_up(spec: Spec) -> Iterator[Violation]:
    for i, core in enumerate(spec.cores):
        out, into, ky, kx = core.weights.shape
        neuron_shape = (out, *core.neuron_shape[1:])  # where they differ, another rule says so
        need = memory_of(weights_shape=(out, into, ky, kx), neuron_shape=neuron_shape, has_bias=core.bias is not None)
        for field, words, stated, room in zip(Memory._fields, need, core.memory, core.capacity, strict=True):
            if stated != words:
                yield Violation(f"$.cores[{i}].memory.{field}", f"is {stated}, but the layer needs {words}")
            if words > room:
                yield Violation(f"$.cores[{i}].capacity.{field}", f"is {room}, but the layer needs {words}")


def _camera_covers_the_region(spec: Spec) -> Iterator[Violation]:
    if spec.dvs is None:
        return
    if spec.input_shape[0] != 2:
        yield Violation("$.input_shape", f"has {spec.input_shape[0]} channels, but a camera has two polarities")
    if any(pixels > side for pixels, side in zip(spec.dvs.reach, spec.input_shape[1:], strict=True)):
        found = f"reaches up to pixel {shape_text(spec.dvs.reach)} of a camera of {shape_text(spec.input_shape[1:])}"
        yield Violation("$.dvs.size", found)


RULES = (
    _cores_are_distinct,
    _ports_name_cores,
    _destinations_come_later,
    _features_arrive,
    _arrays_match_the_maps,
    _memory_adds_up,
    _camera_covers_the_region,
)
