"""The event run of layers in float64, one layer after the other (docs/semantics.md, section Event run).

The order is "breadth". In chains of layers that is order "depth" as well, spike by spike; where branches meet only the
order differs in which the spikes of one external event arrive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nirdynap.ir.layers import AnyLayer, Layer, Link
from nirdynap.ir.units import INT16_MAX, INT16_MIN, IntArray, Shape
from nirdynap.sim.asynchronous import Emission
from nirdynap.sim.options import load_kernels
from nirdynap.sim.stimulus import Stimulus


class External(NamedTuple):
    """One sample from outside.

    Attributes:
        c, y, x: int64 [n], address of each event.
        ticks: int64 [m], the number of events before each tick of the bias clock, ascending.
    """

    c: IntArray
    y: IntArray
    x: IntArray
    ticks: IntArray


class Arrivals(NamedTuple):
    """What one layer gets in one sample, in order.

    Attributes:
        event: int64 [n], the external event that each spike comes from, ascending; c, y, x: int64 [n], its address.
        ticks: int64 [m], the number of arrivals before each tick of the bias clock, ascending.
    """

    event: IntArray
    c: IntArray
    y: IntArray
    x: IntArray
    ticks: IntArray


class Spikes(NamedTuple):
    """What one layer emits in one sample, in order.

    Attributes:
        event: int64 [n], the external event that each spike comes from, ascending.
        neuron: int64 [n], flat index in [c, y, x].
    """

    event: IntArray
    neuron: IntArray


def external(stimulus: Stimulus, ticks: IntArray) -> External:
    """A stimulus spike by spike; `ticks`: int64 [m], times in microseconds. A tick comes after all of its own time."""
    s = stimulus.single()
    c, y, x = (a.astype(np.int64) for a in (s.c, s.y, s.x))
    return External(c=c, y=y, x=x, ticks=np.searchsorted(s.t, ticks, side="right"))


def run_network(layers: Sequence[AnyLayer], sample: External, *, emission: Emission = "raster") -> tuple[Spikes, ...]:
    """The spikes of each layer in one sample, from membranes of 0.

    Args:
        layers: in topological order; links name layers by number.
        sample: what comes from outside.
        emission: order of the spikes that one arrival causes, "raster" (y, x, channel) or "channel".
    """
    done: list[Spikes] = []
    for k, layer in enumerate(layers):
        done.append(run_layer(layer, arrivals(layers, k, done, sample), emission=emission))
    return tuple(done)


def run_layer(layer: AnyLayer, given: Arrivals, *, emission: Emission = "raster") -> Spikes:
    """The spikes of one layer in one sample, from membranes of 0; of integers as the chip has them, saturation too."""
    kernels = load_kernels("floats")
    rows = kernels.run_layer(_core(kernels, layer), given.c, given.y, given.x, given.ticks, emission == "channel")
    return Spikes(event=given.event[rows[:, 0]], neuron=rows[:, 1])


def arrivals(layers: Sequence[AnyLayer], k: int, done: Sequence[Spikes], sample: External) -> Arrivals:
    """What layer `k` gets when the layers before it have emitted `done`.

    Of one external event it gets the event itself first, then the spikes of one source after the other.
    """
    wires = [*_from_outside(layers[k], sample), *_from_layers(layers, k, done)]
    event, source, spike, slot, c, y, x = (np.concatenate(parts) for parts in zip(*wires, strict=True))
    if len(wires) > 1:
        order = np.lexsort((slot, spike, source, event))
        event, c, y, x = event[order], c[order], y[order], x[order]
    return Arrivals(event=event, c=c, y=y, x=x, ticks=np.searchsorted(event, sample.ticks))


_Wire = tuple[IntArray, ...]
"""Of the spikes that arrive by one wire: event, source, number of the spike, slot, c, y, x; int64 [n] each."""


def _from_outside(layer: AnyLayer, sample: External) -> Iterator[_Wire]:
    channels, height, width = layer.input_shape
    for slot, shift in enumerate(layer.input_shifts):
        c = sample.c + shift
        event = np.flatnonzero((c < channels) & (sample.y < height) & (sample.x < width))
        yield _wire(event, 0, event, slot, c[event], sample.y[event], sample.x[event])


def _from_layers(layers: Sequence[AnyLayer], k: int, done: Sequence[Spikes]) -> Iterator[_Wire]:
    for i, spikes in enumerate(done[:k]):
        for slot, link in enumerate(layers[i].links):
            if link.target == k:
                yield _linked(spikes, i, slot, link, layers[i].neuron_shape, layers[k].input_shape)


def _linked(spikes: Spikes, source: int, slot: int, link: Link, shape: Shape, room: Shape) -> _Wire:
    """What arrives by one link; what falls outside or into the remainder of the pooling does not."""
    c, y, x = np.unravel_index(spikes.neuron, shape)
    c, y, x = c + link.feature_shift, y // link.pooling[0], x // link.pooling[1]
    rows, columns = (n // p for n, p in zip(shape[1:], link.pooling, strict=True))
    inside = np.flatnonzero((c < room[0]) & (y < min(rows, room[1])) & (x < min(columns, room[2])))
    return _wire(spikes.event[inside], source + 1, inside, slot, c[inside], y[inside], x[inside])


def _wire(event: IntArray, source: int, spike: IntArray, slot: int, *address: IntArray) -> _Wire:
    return (event, np.full(len(event), source), spike, np.full(len(event), slot), *address)


def _core(kernels: Any, layer: AnyLayer) -> Any:
    weights = np.ascontiguousarray(layer.weights.transpose(1, 2, 3, 0), np.float64)
    if isinstance(layer, Layer):
        threshold, low = layer.threshold, -np.inf if layer.v_min is None else layer.v_min
        fires_at = np.nextafter(threshold, np.inf) if layer.tie == "waits" else threshold
        zero, bounds = layer.reset == "zero", (-np.inf, np.inf)
    else:
        threshold, low = layer.threshold_high, layer.threshold_low
        fires_at, zero, bounds = threshold, layer.return_to_zero, (INT16_MIN, INT16_MAX)
    return kernels.Core(
        weights=weights.ravel(),
        bias=np.zeros(len(layer.weights)) if layer.bias is None else layer.bias.astype(np.float64),
        kernel=layer.weights.shape[2:],
        stride=layer.stride,
        padding=layer.padding,
        neurons=layer.neuron_shape,
        fires_at=float(fires_at),
        threshold=float(threshold),
        return_to_zero=zero,
        low=float(low),
        least=float(bounds[0]),
        most=float(bounds[1]),
        decimator=layer.decimator,
    )
