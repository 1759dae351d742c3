"""A float event run, written apart from the library's own: docs/semantics.md, section Event run, without 16 bits."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np

from nirdynap.ir.events import Events
from nirdynap.ir.layers import Layer
from nirdynap.ir.units import FloatArray, IntArray

_NEVER = 2**62
_ROOM = 2_000_000  # spikes of a layer


def float_counts(layers: Sequence[Layer], events: Events, bias_clock_us: int | None = None) -> list[IntArray]:
    """Spikes of each neuron in each layer, int64 [c, y, x].

    Layer after layer, as order "breadth": each takes the spikes of one input event before those of the next.

    Raises:
        OverflowError: a layer fires more than two million times.
    """
    inbox: list[list[IntArray]] = [[] for _ in layers]
    cause = np.arange(len(events))
    for layer, box in zip(layers, inbox, strict=True):
        box += [np.stack([cause, events.c + shift, events.y, events.x], axis=1) for shift in layer.input_shifts]
    counts = []
    for layer, box in zip(layers, inbox, strict=True):
        found, fired = _run(layer, np.concatenate(box), events.t, bias_clock_us)
        counts.append(found)
        for link in layer.links:
            step = np.array([1, 1, *link.pooling])
            spikes = fired // step + [0, link.feature_shift, 0, 0]
            inbox[link.target].append(spikes[(spikes[:, 1:] < layers[link.target].input_shape).all(axis=1)])
    return counts


def _run(layer: Layer, arrived: IntArray, times: IntArray, clock: int | None) -> tuple[IntArray, IntArray]:
    """Counts, and the spikes [n, 4]: number of the input event that caused it, channel, row, column."""
    assert (layer.decimator, layer.tie) == (1, "fires")
    arrived = arrived[np.argsort(arrived[:, 0], kind="stable")]
    bias = np.zeros(len(layer.weights)) if layer.bias is None else layer.bias
    low = -np.inf if layer.v_min is None else layer.v_min
    counts = np.zeros(layer.neuron_shape, np.int64)
    room = min(len(arrived) * layer.weights[:, 0].size, _ROOM)
    spikes = np.empty((room, 4), np.int64)
    period = _NEVER if layer.bias is None or clock is None else clock
    n = _updates(
        arrived,
        times,
        np.ascontiguousarray(layer.weights),
        bias,
        period,
        layer.stride,
        layer.padding,
        layer.threshold,
        low,
        layer.reset == "zero",
        np.zeros(layer.neuron_shape),
        counts,
        spikes,
    )
    if n > room:
        raise OverflowError(f"{layer.name} fires {n} times")
    return counts, spikes[:n]


@numba.njit  # type: ignore[untyped-decorator]
def _updates(
    arrived: IntArray,
    times: IntArray,
    weights: FloatArray,
    bias: FloatArray,
    period: int,
    stride: tuple[int, int],
    padding: tuple[int, int],
    threshold: float,
    low: float,
    zero: bool,
    v: FloatArray,
    counts: IntArray,
    spikes: IntArray,
) -> int:
    """How many spikes there were; each weight of 0 touches nothing, and a tick fires no neuron."""
    features, rows, columns = v.shape
    n, tick = 0, period
    for e in range(len(arrived)):
        cause, c, y, x = arrived[e, 0], arrived[e, 1], arrived[e, 2], arrived[e, 3]
        while tick < times[cause]:
            for o in range(features):
                for oy in range(rows):
                    for ox in range(columns):
                        v[o, oy, ox] = max(v[o, oy, ox] + bias[o], low)
            tick += period
        for oy in range(rows):
            ky = y + padding[0] - oy * stride[0]
            if not 0 <= ky < weights.shape[2]:
                continue
            for ox in range(columns):
                kx = x + padding[1] - ox * stride[1]
                if not 0 <= kx < weights.shape[3]:
                    continue
                for o in range(features):
                    if weights[o, c, ky, kx] == 0:
                        continue
                    u = v[o, oy, ox] + weights[o, c, ky, kx]
                    if u >= threshold:
                        u = 0.0 if zero else u - threshold
                        counts[o, oy, ox] += 1
                        if n < len(spikes):
                            spikes[n, 0], spikes[n, 1], spikes[n, 2], spikes[n, 3] = cause, o, oy, ox
                        n += 1
                    v[o, oy, ox] = max(u, low)
    return n
