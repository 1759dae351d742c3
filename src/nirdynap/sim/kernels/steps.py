"""The clocked run in vectors: docs/semantics.md, section Clocked run, over the arrays of `layout`.

Core after core, each through all time steps: what a core needs stays in the cache, and in a clocked run the order of
events within a step does not matter. Some steps at a time are taken in one of four ways, with the same bits: spike by
spike while there are few (`scatter`), straight into the membranes if int16 surely holds them, else into sums; as whole
frames where spikes are many, or where int16 might not hold a sum (`dense`); in int64 where a frame might not hold it
either (`wide`).
"""

# Sources (tests/sim/test_kernel_cache.py): f4a452bd0b0c5023
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from nirdynap.ir.units import INT16_MAX, INT16_MIN, IntArray
from nirdynap.sim.kernels.buffers import (
    CODE,
    add_tally,
    decode,
    encode_inputs,
    lanes_of,
    narrow,
    widen,
    with_room,
    with_rows,
)
from nirdynap.sim.kernels.dense import BLOCK, dense_sums
from nirdynap.sim.kernels.scatter import reached, scatter, spread
from nirdynap.sim.kernels.vectors import count_bits, end_step, lowest_bit, push
from nirdynap.sim.kernels.wide import Books, Chunk, decimate, weigh, wide_step
from nirdynap.sim.layout import GROUP, Inputs, Layout
from nirdynap.sim.plan import Sample

_CHUNK = 1024  # steps: what bounds the memory of a long recording
_DIRECT, _SPARSE, _DENSE, _WIDE = 0, 1, 2, 3
_LANES = (1 << GROUP) - 1  # a bit for each lane of a group
_INT32_ROOM = 2**31 + INT16_MIN  # a sum below leaves room for a membrane


class Grid(NamedTuple):
    """Time steps: the inputs' times t, int64 [n] ascending; length of a step in the same unit, and number of steps."""

    t: IntArray
    dt: int
    steps: int


@njit(cache=True, nogil=True)
def run_steps(
    net: Layout, recorded: IntArray, inputs: Inputs, grid: Grid, many: bool, saturate: bool, out: Sample
) -> tuple[bool, IntArray]:
    """All time steps of one sample.

    Returns records as `plain.run_steps` does, of the cores whose entry in `recorded` is not 0. Where a sum left the
    int32 range, or the int16 range though it was not to be saturated, the run is declined: the first value is False,
    and nothing was written.
    """
    steps, starts = grid.steps, _starts(grid)
    membranes = widen(net, out.membranes)
    counts = np.zeros(len(membranes), dtype=np.int64)
    books = Books(membranes, counts, out.phases.copy(), np.zeros_like(out.saturated))
    length = min(steps, _CHUNK)
    sources = len(net.cores) + 1
    chunk = Chunk(
        np.zeros((sources, length + 1), dtype=np.int64),
        np.zeros((sources, length), dtype=np.int64),
        np.zeros((sources, length), dtype=np.int64),
    )
    spikes = np.empty(4 * len(inputs.counts) + 4096, dtype=np.int64)
    records = np.empty((256, 4), dtype=np.int64)
    kept = 0
    for first in range(0, steps, _CHUNK):
        some = starts[first : min(first + _CHUNK, steps) + 1]
        fine, spikes = _run_chunk(net, inputs, some, many, spikes, chunk, books)
        if not fine or (not saturate and books.saturated.any()):
            return False, records[:0]
        for k in range(len(net.cores)):
            if recorded[k]:
                records, kept = _keep(net, k, first, spikes, chunk.begin[k + 1, : len(some)], records, kept)
    for core in net.cores:
        add_tally(core, counts[core.neurons : core.neurons + core.size], out.counts)
    narrow(net, books.membranes, out.membranes)
    out.phases[:] = books.phases
    out.saturated[:] += books.saturated
    return True, records[:kept]


@njit
def _starts(grid: Grid) -> IntArray:
    """Step s takes the inputs from starts[s] up to starts[s + 1]."""
    starts = np.full(grid.steps + 1, len(grid.t))
    step, begin = 0, np.int64(0)
    for i in range(len(grid.t)):
        while grid.t[i] >= begin and step <= grid.steps:
            starts[step] = i
            step, begin = step + 1, begin + grid.dt
    return starts


@njit
def _run_chunk(
    net: Layout, inputs: Inputs, starts: IntArray, many: bool, spikes: IntArray, chunk: Chunk, books: Books
) -> tuple[bool, IntArray]:
    """Some steps, core after core; False where a sum leaves the int32 range. Returns the list of all spikes."""
    steps = len(starts) - 1
    begin = chunk.begin[0, : steps + 1]
    begin[:] = starts - starts[0]
    spikes = with_room(spikes, 0, begin[-1])
    encode_inputs(inputs, starts[0], starts[-1], False, spikes)
    for step in range(steps):
        weigh(spikes, begin[step], begin[step + 1], 0, step, chunk)
    for k in range(len(net.cores)):
        fine, spikes = _run_core(net, k, steps, many, spikes, chunk, books)
        if not fine:
            return False, spikes
    return True, spikes


@njit
def _keep(
    net: Layout, k: int, first: int, spikes: IntArray, begin: IntArray, records: IntArray, kept: int
) -> tuple[IntArray, int]:
    """Record one core's spikes of a chunk whose first step is `first`."""
    core = net.cores[k]
    records = with_rows(records, kept, begin[-1] - begin[0])
    for step in range(len(begin) - 1):
        for i in range(begin[step], begin[step + 1]):
            records[kept] = (first + step, k, decode(core, spikes[i]), spikes[i] >> 32)
            kept += 1
    return records, kept


@njit
def _run_core(
    net: Layout, k: int, steps: int, many: bool, spikes: IntArray, chunk: Chunk, books: Books
) -> tuple[bool, IntArray]:
    """Some time steps of one core; the first value is False where a sum leaves the int32 range."""
    core = net.cores[k]
    sums, wide = np.zeros(0, dtype=np.int16), np.zeros(0, dtype=np.int64)
    frames, dense = np.zeros(0, dtype=np.int16), np.zeros(0, dtype=np.int32)
    fires = np.empty((core.groups + 1, 2), dtype=np.int64)
    marks = np.full((core.groups + 63) >> 6, -1)  # states at the start may be above the threshold
    seeds, reach = np.zeros(64 * len(marks), dtype=np.uint8), reached(core)
    used = chunk.begin[k, steps]
    chunk.begin[k + 1, 0] = used
    own = books.membranes[core.neurons : core.neurons + core.size]
    counts = books.counts[core.neurons : core.neurons + core.size]
    bottom, top = _extremes(own)
    for first in range(0, steps, BLOCK):
        last = min(first + BLOCK, steps)
        way, bottom, top = _choose(core, net, many, first, last, chunk, own, bottom, top)
        if way == _DENSE:
            if len(dense) == 0:
                frames, dense = lanes_of(BLOCK * core.frame), np.zeros(BLOCK * core.size, dtype=np.int32)
            dense_sums(net, core, spikes, chunk.begin, first, last, frames, dense)
        for step in range(first, last):
            begin = used
            if used + core.size > len(spikes):
                spikes = with_room(spikes, used, core.size)
            if way == _WIDE:
                wide = np.zeros(core.size, dtype=np.int64) if len(wide) == 0 else wide
                used, fine = wide_step(net, core, k, step, many, wide, spikes, used, chunk, books)
                if not fine:
                    return False, spikes
                marks[:] = -1  # what stays above the threshold must fire again
                weigh(spikes, begin, used, k + 1, step, chunk)
            else:
                if way == _DENSE or core.has_bias or core.pixels == 1:
                    marks[:] = -1
                if way == _DENSE:
                    at = (step - first) * core.size
                    used, more, most = _fire(net, core, k, many, dense, at, marks, fires, books, spikes, used)
                elif way == _DIRECT:
                    scatter(net, core, spikes, chunk.begin, step, own, seeds)
                    spread(seeds, reach, marks)
                    used, more, most = _fire(net, core, k, many, None, 0, marks, fires, books, spikes, used)
                else:
                    sums = lanes_of(core.size) if len(sums) == 0 else sums
                    scatter(net, core, spikes, chunk.begin, step, sums, seeds)
                    spread(seeds, reach, marks)
                    used, more, most = _fire(net, core, k, many, sums, 0, marks, fires, books, spikes, used)
                chunk.total[k + 1, step], chunk.peak[k + 1, step] = used - begin + more, 1 + most
            if core.decimator != 1:
                used = decimate(core, k, spikes, begin, used, books.phases)
            _count(spikes[begin:used], counts)
            chunk.begin[k + 1, step + 1] = used
    return True, spikes


@njit
def _count(spikes: IntArray, counts: IntArray) -> None:
    """Count some spikes of a core, while they are near."""
    for spike in spikes:
        counts[np.uint64(spike & CODE)] += spike >> 32


@njit
def _choose(
    core: Any, net: Layout, many: bool, first: int, last: int, chunk: Chunk, own: IntArray, bottom: int, top: int
) -> tuple[int, int, int]:
    """How to take some steps of membranes that are between `bottom` and `top`; and between what they are then."""
    way, largest = _way(core, net, first, last, chunk)
    if way == _SPARSE and core.pixels > 1:  # at one pixel, each step would wait for the one before
        if not _has_room(core, many, bottom, top, largest, last - first):
            bottom, top = _extremes(own)
        if _has_room(core, many, bottom, top, largest, last - first):
            way = _DIRECT
    bottom, top = _drifted(core, many, bottom, top, largest, last - first)
    return way, bottom, top


@njit
def _way(core: Any, net: Layout, first: int, last: int, chunk: Chunk) -> tuple[int, int]:
    """How to take some steps: by spikes while they are few and int16 holds every sum, else by whole frames.

    What int32 might not hold, or a frame's int16 counts, is left to `wide_step`. Also returns what no sum exceeds.
    """
    largest = count = arriving = 0
    for step in range(first, last):
        bound, address = core.largest_bias, 0
        for w in range(core.first_wire, core.first_wire + core.wires):
            wire = net.wires[w]
            total, peak = chunk.total[wire.source, step], chunk.peak[wire.source, step] * wire.windows
            bound += min(total * core.largest_weight, peak * core.largest_sum)
            address += min(total, peak)
            arriving += chunk.begin[wire.source, step + 1] - chunk.begin[wire.source, step]
        largest, count = max(largest, bound), max(count, address)
    if largest > INT16_MAX or arriving * core.spike_cost > (last - first) * core.frame_cost:
        return (_DENSE if largest < _INT32_ROOM and count <= INT16_MAX else _WIDE), largest
    return _SPARSE, largest


@njit
def _has_room(core: Any, many: bool, bottom: int, top: int, largest: int, steps: int) -> bool:
    """Can no membrane between `bottom` and `top` leave int16 in some steps of sums up to `largest`?"""
    bottom, top = _drifted(core, many, bottom, top, largest, steps - 1)
    return bottom - largest >= INT16_MIN and top + largest <= INT16_MAX


@njit
def _drifted(core: Any, many: bool, bottom: int, top: int, largest: int, steps: int) -> tuple[int, int]:
    """Where membranes between `bottom` and `top` can be after some steps of sums up to `largest`."""
    settles = many or core.return_to_zero != 0  # what fires is below the threshold then
    above = max(top, core.threshold_high - 1) if settles else top + steps * largest
    return min(bottom, max(bottom - steps * largest, core.threshold_low)), min(above, INT16_MAX)


@njit
def _extremes(membranes: IntArray) -> tuple[int, int]:
    bottom = top = np.int64(membranes[0])
    for v in membranes:
        bottom, top = min(bottom, v), max(top, v)
    return bottom, top


@njit
def _fire(
    net: Layout,
    core: Any,
    k: int,
    many: bool,
    sums: IntArray,
    first: int,
    marks: IntArray,
    fires: IntArray,
    books: Books,
    spikes: IntArray,
    used: int,
) -> tuple[int, int, int]:
    """End a step for the groups of lanes marked; takes the marks off, uses up sums[first:] and appends the spikes.

    Returns how many there are then, and sum and largest of what their counts exceed 1 by. Which groups fire cannot be
    foreseen, so no branch depends on it: first all groups end the step, then those that fired tell their spikes.
    """
    high, low, keep = core.threshold_high, core.threshold_low, core.return_to_zero - 1
    groups, features, has_bias = core.groups, core.features, core.has_bias  # once: stores might change a record
    membranes = books.membranes[core.neurons : core.neurons + core.size]
    count, saturated = np.uint64(0), 0
    for word in range(len(marks)):
        waiting = marks[word]
        marks[word] = 0
        inside = groups - word * 64
        if inside < 64:
            waiting &= (1 << inside) - 1
        while waiting != 0:
            at = (word * 64 + lowest_bit(waiting)) * GROUP
            waiting &= waiting - 1
            bias = features + has_bias * at
            fired, again, over = end_step(GROUP, membranes, at, sums, first + at, net.bias, bias, high, low, keep)
            fires[count, 0], fires[count, 1] = at, fired | again << GROUP
            count += np.uint64(fired != 0)
            saturated += count_bits(over)
    books.saturated[k] += saturated
    more = most = 0
    spikes_at = np.int64(spikes.ctypes.data)
    for i in range(count):
        at, fired, again = fires[i, 0], fires[i, 1] & _LANES, fires[i, 1] >> GROUP & _LANES
        told = push(GROUP, 1, spikes_at + 8 * used, (1 << 32) + at, fired)
        if again != 0:
            if many or keep == 0:
                n, largest = _fire_again(core, many, at, again, fired, membranes, spikes, used)
                more, most = more + n, max(most, largest)
            else:
                marks[at // (64 * GROUP)] |= 1 << (at // GROUP & 63)
        used += told
    return used, more, most


@njit
def _fire_again(
    core: Any, many: bool, at: int, again: int, fired: int, membranes: IntArray, spikes: IntArray, used: int
) -> tuple[int, int]:
    """What neurons that fired and still have a threshold or more do; returns sum and largest of further spikes."""
    more = most = 0
    while again != 0:
        lane = lowest_bit(again)
        again &= again - 1
        n, rest = divmod(np.int64(membranes[at + lane]), core.threshold_high)
        membranes[at + lane] = 0 if core.return_to_zero else rest
        if many:
            spikes[used + count_bits(fired & ((1 << lane) - 1))] += n << 32
            more, most = more + n, max(most, n)
    return more, most
