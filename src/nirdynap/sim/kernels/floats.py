"""The event run of one layer in float64: docs/semantics.md, section Event run, without the chip's integers.

Small whole numbers are exact in float64, so a layer of integers runs here as well, within the bounds of their range.
"""

# Sources (tests/sim/test_kernel_cache.py): f4a452bd0b0c5023
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from nirdynap.ir.units import FloatArray, IntArray, Pair, Shape
from nirdynap.sim.kernels.buffers import with_rows
from nirdynap.sim.kernels.plain import _reach


class Core(NamedTuple):
    """What a run of one layer does not change.

    Attributes:
        weights: flat [in, ky, kx, out]; bias: [out], zeros where it has none.
        kernel, stride, padding: (y, x); neurons: (C, H, W).
        fires_at: the least membrane that fires; threshold: what a spike takes from it, unless `return_to_zero`.
        low: the lower bound; least, most: where sums saturate.
        decimator: every Nth spike passes.
    """

    weights: FloatArray
    bias: FloatArray
    kernel: Pair
    stride: Pair
    padding: Pair
    neurons: Shape
    fires_at: float
    threshold: float
    return_to_zero: bool
    low: float
    least: float
    most: float
    decimator: int


@njit(cache=True, nogil=True)
def run_layer(core: Core, c: IntArray, y: IntArray, x: IntArray, ticks: IntArray, by_channel: bool) -> IntArray:
    """All arrivals of one sample, from membranes of 0.

    `ticks`: the number of arrivals before each tick of the bias clock, ascending. Returns int64 rows (arrival, neuron),
    one for each spike that passes the decimator, in the order of emission; `neuron` is the flat index in [c, y, x].
    """
    channels, height, width = core.neurons
    membranes = np.zeros(height * width * channels)
    found = np.empty((256, 2), dtype=np.int64)
    used = tick = phase = 0
    for i in range(len(c)):
        while tick < len(ticks) and ticks[tick] <= i:
            _tick(core, membranes)
            tick += 1
        first = used
        found, used = _update(core, i, c[i], y[i], x[i], membranes, found, used)
        if by_channel:
            found[first:used, 1].sort()
        if core.decimator > 1:
            used, phase = _decimate(core.decimator, found, first, used, phase)
    return found[:used]


@njit
def _tick(core: Core, membranes: FloatArray) -> None:
    """The bias of one clock period; fires nothing."""
    channels = core.neurons[0]
    for i in range(len(membranes)):
        membranes[i] = max(min(max(membranes[i] + core.bias[i % channels], core.least), core.most), core.low)


@njit
def _update(
    core: Core, arrival: int, c: int, y: int, x: int, membranes: FloatArray, found: IntArray, used: int
) -> tuple[IntArray, int]:
    """One arrival: its weights are added; the spikes that it causes are listed behind the first `used` of `found`."""
    channels, height, width = core.neurons
    kernel_y, kernel_x = core.kernel
    top, bottom = _reach(y, core.padding[0], core.stride[0], kernel_y, height)
    left, right = _reach(x, core.padding[1], core.stride[1], kernel_x, width)
    for oy in range(top, bottom + 1):
        ky = y + core.padding[0] - oy * core.stride[0]
        for ox in range(left, right + 1):
            kx = x + core.padding[1] - ox * core.stride[1]
            taps = ((c * kernel_y + ky) * kernel_x + kx) * channels
            pixel = oy * width + ox
            if _add(core, taps, pixel * channels, membranes):
                found = with_rows(found, used, channels)
                used = _fire(core, arrival, taps, pixel, membranes, found, used)
    return found, used


@njit
def _add(core: Core, taps: int, first: int, membranes: FloatArray) -> bool:
    """One tap's weights to all channels of a pixel: may one of them fire? Kept so simple that it becomes vectors.

    A membrane that no weight touches stays as it is, for it is never below the lower bound.
    """
    hot = 0
    for o in range(core.neurons[0]):
        v = membranes[first + o] + core.weights[taps + o]
        v = core.least if v < core.least else v
        v = core.most if v > core.most else v
        v = core.low if v < core.low else v
        membranes[first + o] = v
        hot |= 1 if v >= core.fires_at else 0
    return hot != 0


@njit
def _fire(core: Core, arrival: int, taps: int, pixel: int, membranes: FloatArray, found: IntArray, used: int) -> int:
    """The channels of a pixel that fire, listed in `found`; one that no weight touches waits."""
    channels, height, width = core.neurons
    for o in range(channels):
        at = pixel * channels + o
        if membranes[at] >= core.fires_at and core.weights[taps + o] != 0:
            membranes[at] = 0.0 if core.return_to_zero else membranes[at] - core.threshold
            found[used, 0], found[used, 1] = arrival, o * height * width + pixel
            used += 1
    return used


@njit
def _decimate(every: int, found: IntArray, first: int, used: int, phase: int) -> tuple[int, int]:
    """Keep each Nth spike; the number of rows that are left, and how many spikes wait for the next that passes."""
    kept = first
    for row in range(first, used):
        phase += 1
        if phase == every:
            phase = 0
            found[kept, 0], found[kept, 1] = found[row, 0], found[row, 1]
            kept += 1
    return kept, phase
