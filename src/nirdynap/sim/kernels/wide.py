"""The parts of a clocked run that need no vectors: steps in int64, decimators, and what the kernels pass around."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from nirdynap.ir.units import INT16_MAX, INT16_MIN, IntArray
from nirdynap.sim.kernels.buffers import CODE, decode, encode
from nirdynap.sim.layout import Layout

_INT32_LOW, _INT32_HIGH = -(2**31), 2**31 - 1


class Chunk(NamedTuple):
    """Spikes of some steps of every source of a layout: the input is source 0, core k is source k + 1.

    Attributes:
        begin: int64 [source, step + 1], where a step's spikes begin in the list of all.
        total, peak: int64 [source, step], sum and largest of the spikes' counts, or more.
    """

    begin: IntArray
    total: IntArray
    peak: IntArray


class Books(NamedTuple):
    """What a run changes: membranes int16 and counts int64, flat [lane], and as in `plan.Sample` the others."""

    membranes: IntArray
    counts: IntArray
    phases: IntArray
    saturated: IntArray


@njit
def weigh(spikes: IntArray, start: int, stop: int, source: int, step: int, chunk: Chunk) -> None:
    """Sum and largest of the counts of a step's spikes."""
    total = peak = 0
    for i in range(start, stop):
        n = spikes[i] >> 32
        total += n
        peak = max(peak, n)
    chunk.total[source, step], chunk.peak[source, step] = total, peak


@njit
def wide_step(
    net: Layout,
    core: Any,
    k: int,
    step: int,
    many: bool,
    wide: IntArray,
    spikes: IntArray,
    used: int,
    chunk: Chunk,
    books: Books,
) -> tuple[int, bool]:
    """A step in int64, for all neurons; the second value is False if a sum left the int32 range."""
    for w in range(core.first_wire, core.first_wire + core.wires):
        wire = net.wires[w]
        for s in range(chunk.begin[wire.source, step], chunk.begin[wire.source, step + 1]):
            _add_wide(net, core, wire, spikes[s], wide)
    for i in range(core.size):
        v = np.int64(books.membranes[core.neurons + i]) + wide[i] + net.bias[core.features + core.has_bias * i]
        wide[i] = 0
        if v < INT16_MIN or v > INT16_MAX:
            if v < _INT32_LOW or v > _INT32_HIGH:
                return used, False
            books.saturated[k] += 1
            v = min(max(v, INT16_MIN), INT16_MAX)
        if v >= core.threshold_high:
            n = v // core.threshold_high if many else 1
            v = 0 if core.return_to_zero else v - n * core.threshold_high
            spikes[used] = n << 32 | i
            used += 1
        books.membranes[core.neurons + i] = max(v, core.threshold_low)
    return used, True


@njit
def _add_wide(net: Layout, core: Any, wire: Any, spike: int, wide: IntArray) -> None:
    """Add the weights of a spike to int64 sums."""
    code = spike & CODE
    channel = code & ((1 << wire.bits) - 1)
    if channel >= wire.channels:
        return
    block = net.blocks[wire.table + (code >> wire.bits)]
    i = np.int64(block.pixel) * core.vectors * core.lanes
    j = np.int64(block.weights) + channel * block.stride
    length = block.columns * core.vectors * core.lanes
    for _ in range(block.rows):
        for at in range(length):
            wide[i + at] += (spike >> 32) * np.int64(net.weights[j + at])
        i += core.row
        j += length


@njit
def decimate(core: Any, k: int, spikes: IntArray, first: int, used: int, phases: IntArray) -> int:
    """Keep every Nth of a step's spikes, counted by channel, row, column; returns how many there are then."""
    step = spikes[first:used]
    for i in range(len(step)):
        step[i] = decode(core, step[i]) << 32 | step[i] >> 32
    step.sort()
    kept = first
    for key in step:
        phases[k] += key & CODE
        n = phases[k] // core.decimator
        phases[k] %= core.decimator
        if n > 0:
            spikes[kept] = n << 32 | encode(core, key >> 32)
            kept += 1
    return kept
