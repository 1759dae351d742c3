"""The inputs of one neuron: which spikes touched it, and with what weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from nirdynap.interpret.nodes import transform
from nirdynap.interpret.run import gather
from nirdynap.ir.events import Events
from nirdynap.ir.network import IF, Input, Network
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import FloatArray, IntArray

EXTERNAL = "input"


class Push(NamedTuple):
    """`n` spikes of neuron (c, y, x) of `source` (a weight node, or "input"), each of which moved it by `weight`.

    Those that are not `kept` lie in the remainder rows and columns of a pooling, and did not.
    """

    t_us: int
    source: str
    neuron: tuple[int, int, int]
    n: int
    weight: float
    kept: bool = True


class Volley(NamedTuple):
    """Spikes on their way to a core: times, addresses at birth and at the core, numbers, whether they arrive; [n]."""

    source: str
    t: IntArray
    born: tuple[IntArray, IntArray, IntArray]
    arrived: tuple[IntArray, IntArray, IntArray]
    n: IntArray
    kept: IntArray


def external(spec: Spec, core: CoreSpec, events: Events, start_us: int, *, joined: bool) -> Iterator[Volley]:
    """What a recording sends to `core`; `joined`: equal events in a row, as a raster's counts come, are one push."""
    born = (events.c, events.y, events.x)
    t, seen = events.t + start_us, born
    if spec.dvs is not None:
        passed, c, y, x = spec.dvs.passed(*born)
        t, born, seen = t[passed], (born[0][passed], born[1][passed], born[2][passed]), (c, y, x)
    rows = np.stack((t, *born))
    other = np.any(rows != np.roll(rows, 1, axis=1), axis=0) | (np.arange(len(t)) == 0)
    first = np.flatnonzero(other | (not joined))
    n = np.diff(np.append(first, len(t)))
    t, *born_at = (array[first] for array in (t, *born))
    c, y, x = (array[first] for array in seen)
    for port in spec.inputs:
        if port.core == core.core:
            arrived = (c + port.feature_shift, y, x)
            yield Volley(EXTERNAL, t, (born_at[0], born_at[1], born_at[2]), arrived, n, n > 0)


def internal(source: CoreSpec, core: CoreSpec, t: IntArray, neuron: IntArray, n: IntArray) -> Iterator[Volley]:
    """What spikes of `source`, given by time, index of the neuron and number, send to `core`."""
    c, y, x = np.unravel_index(neuron, source.neuron_shape)
    _, height, width = source.neuron_shape
    for d in source.destinations:
        if d.core == core.core:
            kept = (y < height // d.pooling * d.pooling) & (x < width // d.pooling * d.pooling)
            arrived = (c + d.feature_shift, y // d.pooling, x // d.pooling)
            yield Volley(source.name, t, (c + source.first_channel, y, x), arrived, n, kept)


def pushes(core: CoreSpec, neuron: tuple[int, int, int], volleys: Iterator[Volley]) -> tuple[Push, ...]:
    """Those spikes that touch `neuron` of `core`, by time."""
    found: list[Push] = []
    o, oy, ox = neuron
    _, height, width = core.weights.shape[1:]
    for v in volleys:
        c, y, x = v.arrived
        ky, kx = y + core.padding[0] - oy * core.stride[0], x + core.padding[1] - ox * core.stride[1]
        inside = (ky >= 0) & (ky < height) & (kx >= 0) & (kx < width)
        arrives = v.kept & (y < core.input_shape[1]) & (x < core.input_shape[2])
        inside &= (c < core.input_shape[0]) & (arrives | ~v.kept)
        for i in np.flatnonzero(inside):
            weight = int(core.weights[o, c[i], ky[i], kx[i]])
            if weight != 0:
                born = (int(v.born[0][i]), int(v.born[1][i]), int(v.born[2][i]))
                found.append(Push(int(v.t[i]), v.source, born, int(v.n[i]), weight, bool(v.kept[i])))
    return tuple(sorted(found, key=lambda push: push.t_us))


def float_pushes(
    network: Network, neurons: IF, neuron: tuple[int, int, int], spikes: Mapping[str, tuple[IntArray, FloatArray]]
) -> tuple[Push, ...]:
    """The same in a float network, where between two layers of neurons all is linear: a spike alone shows its weight.

    Args:
        network: what runs.
        neurons, neuron: the layer, and the neuron there.
        spikes: of each source, times in microseconds [time] and counts [time, c, y, x].
    """
    found = []
    for source in network.nodes[: network.nodes.index(neurons)]:
        if source.name in spikes:
            t, counts = spikes[source.name]
            places = np.argwhere(counts.any(axis=0))
            arrived = _arrived(network, source.name, places, neurons, neuron)
            weights = (arrived[:-1] - arrived[-1]) * neurons.gain[neuron]
            for (c, y, x), weight in zip(places.tolist(), weights, strict=True):
                name = EXTERNAL if isinstance(source, Input) else source.name
                for step in np.flatnonzero(counts[:, c, y, x]) if weight != 0 else ():
                    found.append(Push(int(t[step]), name, (c, y, x), int(counts[step, c, y, x]), float(weight)))
    return tuple(sorted(found, key=lambda push: push.t_us))


def float_bias(network: Network, neurons: IF, neuron: tuple[int, int, int]) -> float:
    """What a time step adds to the membrane of `neuron` without any spike."""
    alone = _arrived(network, "", np.zeros((0, 3), dtype=np.int64), neurons, neuron)
    drift = 0.0 if neurons.drift is None else neurons.drift[neuron]
    return float(alone[0] * neurons.gain[neuron] + drift)


def _arrived(network: Network, source: str, places: IntArray, neurons: IF, neuron: tuple[int, int, int]) -> FloatArray:
    """The current at the neuron for a spike at each of some places [n, 3] of `source`, and at the end for none."""
    lead = (len(places) + 1, 1)
    values: dict[str, FloatArray] = {}
    for node in network.nodes:
        values[node.name] = np.zeros((*lead, *node.output_shape))
        if node.name == source:
            c, y, x = places.T
            values[node.name][np.arange(len(places)), 0, c, y, x] = 1
        elif not isinstance(node, (IF, Input)):
            into = gather(network, node, values, lead).reshape(-1, *node.input_shape)
            values[node.name] = transform(node, into).reshape(*lead, *node.output_shape)
        elif node.name == neurons.name:
            current: FloatArray = gather(network, node, values, lead)[:, 0, neuron[0], neuron[1], neuron[2]]
            return current
    raise AssertionError("the neurons are in the network")
