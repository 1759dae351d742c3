"""Why other spikes touch a neuron in one run than in the other: its kernel, its place under it, its sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from nirdynap.errors import OTHER_INPUT, OTHER_WEIGHT, Diagnostic
from nirdynap.ir.spec import CoreSpec
from nirdynap.ir.units import WEIGHT_MAX, IntArray
from nirdynap.verify.pushes import EXTERNAL, Push
from nirdynap.verify.runs import Run, SimulatorRun

Pushes = tuple[Push, ...]


def input_cause(
    a: Run,
    b: Run,
    layers: tuple[int, int],
    neuron: int,
    pushes: tuple[Pushes, Pushes],
    names: Mapping[str, str],
    place: str,
) -> Iterator[Diagnostic]:
    """What differs in what reaches the neuron, from the settings of both runs where they have a spec."""
    if isinstance(a, SimulatorRun) and isinstance(b, SimulatorRun):
        (core, _), (twin, _) = a.core_of(layers[0], neuron), b.core_of(layers[1], neuron)
        yield from _geometry(core, twin, place)
        yield from _edges(a, b, (core, twin), names, place)
        if core.weights.shape == twin.weights.shape and not np.array_equal(core.weights, twin.weights):
            yield _weights(core.weights, twin.weights, pushes, place)
    yield from _touched(pushes, place)


def _geometry(core: CoreSpec, twin: CoreSpec, place: str) -> Iterator[Diagnostic]:
    for name in ("stride", "padding"):
        value, limit = getattr(twin, name), getattr(core, name)
        if value != limit:
            yield OTHER_INPUT.at(place, value=f"{name} (y, x) is {value} in b, {limit} in a")


def _edges(
    a: SimulatorRun, b: SimulatorRun, cores: tuple[CoreSpec, CoreSpec], names: Mapping[str, str], place: str
) -> Iterator[Diagnostic]:
    """Edges into the core that only one run has, or that say something else there."""
    here, there = _into(a, cores[0]), _into(b, cores[1])
    there = {names.get(source, source): edges for source, edges in there.items()}
    for source in sorted(here.keys() | there.keys()):
        value, limit = there.get(source, ()), here.get(source, ())
        if value != limit:
            shown = f"{_shown(value)} in b, {_shown(limit)} in a"
            yield OTHER_INPUT.at(place, value=f"the edge from {source}: {shown}")
    if a.spec.dvs != b.spec.dvs:
        yield OTHER_INPUT.at(place, value="the DVS layers differ")


def _into(run: SimulatorRun, core: CoreSpec) -> dict[str, tuple[tuple[int, int], ...]]:
    """Pooling and feature_shift of the edges into a core, by source."""
    edges = {
        source.name: tuple((d.pooling, d.feature_shift) for d in source.destinations if d.core == core.core)
        for source in run.spec.cores
    }
    edges[EXTERNAL] = tuple((1, port.feature_shift) for port in run.spec.inputs if port.core == core.core)
    return {source: found for source, found in edges.items() if found}


def _shown(edges: tuple[tuple[int, int], ...]) -> str:
    return " and ".join(f"pooling {pooling}, feature_shift {shift}" for pooling, shift in edges) or "none"


def _weights(here: IntArray, there: IntArray, pushes: tuple[Pushes, Pushes], place: str) -> Diagnostic:
    """One weight, or a kernel that holds the same numbers at other places."""
    if said := next(_turned(here, there), None):
        return OTHER_WEIGHT.at(place, value=said)
    changed = np.argwhere(here != there)
    at = tuple(changed[0].tolist())
    value, limit = int(there[at]), int(here[at])
    one = f"weight [out, in, ky, kx] = {list(at)} is {value} in b, {limit} in a"
    close = int(np.abs(here.astype(int) - there).max()) == 1
    more = f", and {len(changed) - 1} more" if len(changed) > 1 else ""
    return OTHER_WEIGHT.at(place, value=f"{one}{more}{', as if rounded otherwise' if close else ''}")


def _turned(here: IntArray, there: IntArray) -> Iterator[str]:
    ways = {
        "the kernels are flipped in y and x (convolution instead of cross-correlation)": here[:, :, ::-1, ::-1],
        "the kernels are flipped in y": here[:, :, ::-1],
        "the kernels are flipped in x": here[:, :, :, ::-1],
        "the kernels' axes y and x are swapped": here.swapaxes(2, 3),
        "the weights have the other sign": np.minimum(-here.astype(int), WEIGHT_MAX),
        "the input channels come in the opposite order": here[:, ::-1],
    }
    if here.shape[0] == here.shape[1]:
        ways["the axes of output and input channels are swapped"] = here.swapaxes(0, 1)
    yield from (said for said, turned in ways.items() if np.array_equal(turned, there))
    for axis, name in ((1, "input"), (0, "output")):
        order = _order(here, there, axis)
        if order is not None:
            yield f"the {name} channels are permuted: b has a's channels {order}"


def _order(here: IntArray, there: IntArray, axis: int) -> list[int] | None:
    """The order of a's channels that makes b, if there is one."""
    rows = [np.take(here, i, axis).tobytes() for i in range(here.shape[axis])]
    wanted = [np.take(there, i, axis).tobytes() for i in range(here.shape[axis])]
    if Counter(rows) != Counter(wanted):
        return None
    return [rows.index(row) for row in wanted]


def _touched(pushes: tuple[Pushes, Pushes], place: str) -> Iterator[Diagnostic]:
    """The first spike that touches the neuron in one run only, or with another weight."""
    a, b = ({(p.source, p.neuron): p for p in side} for side in pushes)
    for key in sorted(a.keys() | b.keys()):
        source, neuron = key
        one, other = a.get(key), b.get(key)
        if one is None or other is None:
            run = "b" if one is None else "a"
            yield OTHER_INPUT.at(place, value=f"a spike of {source} {neuron} touches the neuron in {run} only")
        elif one.weight != other.weight:
            value = f"a spike of {source} {neuron} weighs {other.weight:g} in b, {one.weight:g} in a"
            yield OTHER_WEIGHT.at(place, value=value)
