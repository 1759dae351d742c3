"""What the vector kernels of both runs share: lists that grow, and membranes with and without padding lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from nirdynap.ir.units import IntArray
from nirdynap.sim.layout import Inputs, Layout

_TILE = 64  # pixels
CODE = 2**32 - 1  # the bits of a spike that say which neuron


@njit
def decode(core: Any, spike: int) -> int:
    """The flat index [c, y, x] of a core's neuron that spiked."""
    code = spike & CODE
    return (code & ((1 << core.bits) - 1)) * core.pixels + (code >> core.bits)


@njit
def encode(core: Any, neuron: int) -> int:
    """The inverse of `decode`."""
    return neuron % core.pixels << core.bits | neuron // core.pixels


@njit
def encode_inputs(inputs: Inputs, first: int, end: int, numbered: bool, spikes: IntArray) -> None:
    """The codes of some spikes from outside, with the index of each or with its count in the high half."""
    c, y, x, counts = inputs.c, inputs.y, inputs.x, inputs.counts
    for i in range(first, end):
        pixel = np.int64(y[i]) * inputs.width + x[i]
        spikes[i - first] = (i if numbered else np.int64(counts[i])) << 32 | pixel << inputs.bits | c[i]


@njit
def add_tally(core: Any, tally: IntArray, counts: IntArray) -> None:
    """Add spikes by lane to the `counts` of all cores by neuron [c, y, x]."""
    own = counts[core.first : core.first + core.pixels * core.channels]
    lanes = core.vectors * core.lanes
    for pixels in range(0, core.pixels, _TILE):  # so that what is read for one channel is still there for the next
        last = min(pixels + _TILE, core.pixels)
        for o in range(core.channels):
            for pixel in range(pixels, last):
                own[o * core.pixels + pixel] += tally[pixel * lanes + o]


@njit
def with_room(values: IntArray, used: int, more: int) -> IntArray:
    """`values`, or a larger copy of the first `used` if it has no room for `more`."""
    if used + more <= len(values):
        return values
    larger = np.empty(used + max(used, more), dtype=values.dtype)
    larger[:used] = values[:used]
    return larger


@njit
def with_rows(rows: IntArray, used: int, more: int) -> IntArray:
    """As `with_room`, for rows."""
    if used + more <= len(rows):
        return rows
    larger = np.empty((used + max(used, more), rows.shape[1]), dtype=rows.dtype)
    larger[:used] = rows[:used]
    return larger


@njit
def lanes_of(size: int) -> IntArray:
    """Zeros in int16 that begin with a cache line, so that no vector lies across two."""
    array = np.zeros(size + 32, dtype=np.int16)
    first = -array.ctypes.data % 64 // 2
    return array[first : first + size]


@njit
def widen(net: Layout, membranes: IntArray) -> IntArray:
    """Membranes as `plan` has them, in int16 and with padding lanes, which are 0."""
    last = net.cores[-1]
    padded = lanes_of(last.neurons + last.size)
    for core in net.cores:
        lanes, size = core.vectors * core.lanes, core.pixels * core.channels
        if lanes == core.channels:
            padded[core.neurons : core.neurons + size] = membranes[core.first : core.first + size]
            continue
        for pixel in range(core.pixels):
            for o in range(core.channels):
                padded[core.neurons + pixel * lanes + o] = membranes[core.first + pixel * core.channels + o]
    return padded


@njit
def narrow(net: Layout, padded: IntArray, membranes: IntArray) -> None:
    """The inverse of `widen`."""
    for core in net.cores:
        lanes, size = core.vectors * core.lanes, core.pixels * core.channels
        if lanes == core.channels:
            membranes[core.first : core.first + size] = padded[core.neurons : core.neurons + size]
            continue
        for pixel in range(core.pixels):
            for o in range(core.channels):
                membranes[core.first + pixel * core.channels + o] = padded[core.neurons + pixel * lanes + o]
