"""The clocked run in vectors: docs/semantics.md, section Clocked run, over the arrays of `layout`.

Core after core, each through all time steps: what a core needs stays in the cache, and in a clocked run the order of
events within a step does not matter. A step's spikes add their weights to int16 sums, and mark in a bit map where;
then the neurons that were reached, and no others, take their sums in. Where int16 could not hold a sum, a step is
taken in int64 instead, with the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import literally, njit

from nirdynap.ir.units import INT16_MAX, IntArray
from nirdynap.sim.kernels.buffers import CODE, decode, lanes_of, narrow, widen, with_room, with_rows
from nirdynap.sim.kernels.vectors import add_block, add_runs, append, count_bits, end_step, lowest_bit
from nirdynap.sim.kernels.wide import Books, Chunk, decimate, weigh, wide_step
from nirdynap.sim.layout import Layout
from nirdynap.sim.plan import Sample

_CHUNK = 1024  # steps: what bounds the memory of a long recording


@njit(cache=True, nogil=True)
def run_steps(
    net: Layout, recorded: IntArray, inputs: IntArray, starts: IntArray, many: bool, saturate: bool, out: Sample
) -> tuple[bool, IntArray]:
    """All time steps of one sample; step s takes the inputs (spike codes) from starts[s] up to starts[s + 1].

    Returns records as `plain.run_steps` does, of the cores whose entry in `recorded` is not 0. Where a sum left the
    int32 range, or the int16 range though it was not to be saturated, the run is declined: the first value is False,
    and nothing was written.
    """
    steps = len(starts) - 1
    books = Books(widen(net, out.membranes), out.phases.copy(), np.zeros_like(out.counts), np.zeros_like(out.saturated))
    length = min(steps, _CHUNK)
    sources = len(net.cores) + 1
    chunk = Chunk(
        np.zeros((sources, length + 1), dtype=np.int64),
        np.zeros((sources, length), dtype=np.int64),
        np.zeros((sources, length), dtype=np.int64),
    )
    spikes = np.empty(4 * len(inputs) + 4096, dtype=np.int64)
    records = np.empty((256, 4), dtype=np.int64)
    kept = 0
    for first in range(0, steps, _CHUNK):
        some = starts[first : min(first + _CHUNK, steps) + 1]
        fine, spikes = _run_chunk(net, inputs[some[0] : some[-1]], some - some[0], many, spikes, chunk, books)
        if not fine or (not saturate and books.saturated.any()):
            return False, records[:0]
        for k in range(len(net.cores)):
            records, kept = _keep(
                net, k, first, recorded[k] != 0, spikes, chunk.begin[k + 1, : len(some)], books, records, kept
            )
    narrow(net, books.membranes, out.membranes)
    out.phases[:] = books.phases
    out.counts[:] += books.counts
    out.saturated[:] += books.saturated
    return True, records[:kept]


@njit(cache=True, nogil=True)
def _run_chunk(
    net: Layout, inputs: IntArray, starts: IntArray, many: bool, spikes: IntArray, chunk: Chunk, books: Books
) -> tuple[bool, IntArray]:
    """Some steps, core after core; False where a sum leaves the int32 range. Returns the list of all spikes."""
    steps = len(starts) - 1
    spikes = with_room(spikes, 0, len(inputs))
    spikes[: len(inputs)] = inputs
    chunk.begin[0, : steps + 1] = starts
    for step in range(steps):
        weigh(spikes, starts[step], starts[step + 1], 0, step, chunk)
    fine = True
    for k in range(len(net.cores)):
        if net.cores[k].lanes == 8:
            fine, spikes = _run_core(8, net, k, steps, many, spikes, chunk, books)
        elif net.cores[k].lanes == 16:
            fine, spikes = _run_core(16, net, k, steps, many, spikes, chunk, books)
        else:
            fine, spikes = _run_core(32, net, k, steps, many, spikes, chunk, books)
        if not fine:
            break
    return fine, spikes


@njit(cache=True, nogil=True)
def _keep(
    net: Layout,
    k: int,
    first: int,
    recorded: bool,
    spikes: IntArray,
    begin: IntArray,
    books: Books,
    records: IntArray,
    kept: int,
) -> tuple[IntArray, int]:
    """Count one core's spikes of a chunk whose first step is `first`, and record them if asked to."""
    core = net.cores[k]
    counts = books.counts[core.first : core.first + core.pixels * core.channels]
    tally = np.zeros(core.size, dtype=np.int32)  # by lane: small, and no neuron has to be worked out for each spike
    for i in range(begin[0], begin[-1]):
        tally[spikes[i] & CODE] += spikes[i] >> 32
    lanes = core.vectors * core.lanes
    for o in range(core.channels):
        for pixel in range(core.pixels):
            counts[o * core.pixels + pixel] += tally[pixel * lanes + o]
    if recorded:
        records = with_rows(records, kept, begin[-1] - begin[0])
        for step in range(len(begin) - 1):
            for i in range(begin[step], begin[step + 1]):
                records[kept] = (first + step, k, decode(core, spikes[i]), spikes[i] >> 32)
                kept += 1
    return records, kept


@njit(cache=True, nogil=True)
def _run_core(
    lanes: int, net: Layout, k: int, steps: int, many: bool, spikes: IntArray, chunk: Chunk, books: Books
) -> tuple[bool, IntArray]:
    """Some time steps of one core; `lanes` is a literal."""
    literally(lanes)
    core = net.cores[k]
    begin = chunk.begin
    sums = lanes_of(core.size)
    marks = np.zeros(core.height * core.words, dtype=np.int64)
    wide = np.zeros(0, dtype=np.int64)
    runs = np.empty(64, dtype=np.int64)
    membranes = books.membranes[core.neurons : core.neurons + core.size]
    saturated = books.saturated
    used = begin[k, steps]
    begin[k + 1, 0] = used
    everything = True  # states at the start may be above the threshold
    for step in range(steps):
        if used + core.size > len(spikes):
            spikes = with_room(spikes, used, core.size)
        first = used
        if _is_narrow(net, core, step, chunk):
            for w in range(core.first_wire, core.first_wire + core.wires):
                wire = net.wires[w]
                start, stop = begin[wire.source, step], begin[wire.source, step + 1]
                if core.pixels == 1:
                    if stop - start > len(runs):
                        runs = np.empty(2 * (stop - start), dtype=np.int64)
                    _scatter_point(lanes, net, core, wire, spikes, start, stop, sums, marks, runs)
                else:
                    _scatter(lanes, net, core, wire, spikes, start, stop, sums, marks)
            if everything or core.has_bias:
                marks[:] = -1
            everything = False
            used, more, most = _fire(lanes, net, core, k, many, sums, marks, membranes, saturated, spikes, used)
            chunk.total[k + 1, step], chunk.peak[k + 1, step] = used - first + more, 1 + most
        else:
            if len(wide) == 0:
                wide = np.zeros(core.size, dtype=np.int64)
            used, fine = wide_step(net, core, k, step, many, wide, spikes, used, chunk, books)
            if not fine:
                return False, spikes
            everything = not many  # what stays above the threshold must fire again
            weigh(spikes, first, used, k + 1, step, chunk)
        if core.decimator != 1:
            used = decimate(core, k, spikes, first, used, books.phases)
        begin[k + 1, step + 1] = used
    return True, spikes


@njit(cache=True, nogil=True, forceinline=True)
def _is_narrow(net: Layout, core: Any, step: int, chunk: Chunk) -> bool:
    """Can int16 hold every sum of this step: from the number of spikes, and from how many can share an address."""
    total, peak = chunk.total, chunk.peak
    bound = core.largest_bias
    for w in range(core.first_wire, core.first_wire + core.wires):
        wire = net.wires[w]
        by_number = total[wire.source, step] * core.largest_weight
        by_address = peak[wire.source, step] * wire.windows * core.largest_sum
        bound += min(by_number, by_address)
    return bound <= INT16_MAX


@njit(cache=True, nogil=True, forceinline=True)
def _scatter(
    lanes: int,
    net: Layout,
    core: Any,
    wire: Any,
    spikes: IntArray,
    start: int,
    stop: int,
    sums: IntArray,
    marks: IntArray,
) -> None:
    """Add the weights of a step's spikes to the sums, and mark the pixels that they reach."""
    table, bits, channels = wire.table, wire.bits, wire.channels
    row, vectors, pixel_lanes = core.row, core.vectors, core.vectors * lanes
    for s in range(start, stop):
        spike = spikes[s]
        n = spike >> 32
        code = spike & CODE
        channel = code & ((1 << bits) - 1)
        block = net.blocks[table + (code >> bits)]
        rows = np.int64(block.rows)
        if rows == 0 or channel >= channels:
            continue
        _mark(core, np.int64(block.anchor), rows, np.int64(block.columns), marks)
        i = block.pixel * pixel_lanes
        j = block.weights + channel * block.stride
        add_block(lanes, sums, i, row, net.weights, j, rows, block.columns * vectors, n)


@njit(cache=True, nogil=True, forceinline=True)
def _scatter_point(
    lanes: int,
    net: Layout,
    core: Any,
    wire: Any,
    spikes: IntArray,
    start: int,
    stop: int,
    sums: IntArray,
    marks: IntArray,
    runs: IntArray,
) -> None:
    """As `_scatter`, where all weights go to one pixel: their sums can stay in registers."""
    table, bits, channels, vectors = wire.table, wire.bits, wire.channels, core.vectors
    count = 0
    for s in range(start, stop):
        code = spikes[s] & CODE
        channel = code & ((1 << bits) - 1)
        block = net.blocks[table + (code >> bits)]
        if block.rows == 0 or channel >= channels:
            continue
        marks[0] = 1
        n = spikes[s] >> 32
        j = block.weights + channel * block.stride
        if n == 1:
            runs[count] = j
            count += 1
        else:
            add_block(lanes, sums, 0, 0, net.weights, j, 1, vectors, n)
    if count > 0:
        done = 0
        while vectors - done >= 4:
            add_runs(lanes, 4, sums, done * lanes, net.weights, done * lanes, runs, count)
            done += 4
        while done < vectors:
            add_runs(lanes, 1, sums, done * lanes, net.weights, done * lanes, runs, count)
            done += 1


@njit(cache=True, nogil=True, forceinline=True)
def _mark(core: Any, anchor: int, rows: int, columns: int, marks: IntArray) -> None:
    """Mark the pixels of a block in the bit map; where it is very wide, whole rows."""
    words, bit = core.words, anchor & 63
    word = anchor >> 6
    if columns < 64:
        span = (1 << columns) - 1
        for w in range(word, word + rows * words, words):
            marks[w] |= span << bit
            if bit + columns > 64:
                marks[w + 1] |= span >> (64 - bit)
    else:
        first = word // words * words
        marks[first : first + rows * words] = -1


@njit(cache=True, nogil=True, forceinline=True)
def _fire(
    lanes: int,
    net: Layout,
    core: Any,
    k: int,
    many: bool,
    sums: IntArray,
    marks: IntArray,
    membranes: IntArray,
    saturated: IntArray,
    spikes: IntArray,
    used: int,
) -> tuple[int, int, int]:
    """End a step for the pixels marked; takes the marks off and appends the spikes.

    Returns how many there are then, and sum and largest of what their counts exceed 1 by.
    """
    features = core.features
    width, words, pixel_lanes = core.width, core.words, core.vectors * lanes
    high, low, keep = core.threshold_high, core.threshold_low, core.return_to_zero - 1
    more = most = 0
    start = used
    scanned = 0
    for row in range(core.height):
        for word in range(words):
            waiting = marks[row * words + word]
            marks[row * words + word] = 0
            inside = width - word * 64
            if inside < 64:
                waiting &= (1 << inside) - 1
            # Where most vectors fire, a branch on whether one does costs more than it saves.
            busy = 2 * (used - start) > scanned * core.vectors
            scanned += count_bits(waiting)
            while waiting != 0:
                bit = lowest_bit(waiting)
                waiting &= waiting - 1
                pixel = row * width + word * 64 + bit
                for v in range(0, pixel_lanes, lanes):
                    at = pixel * pixel_lanes + v
                    fired, again, over = end_step(lanes, membranes, sums, at, net.bias, features + v, high, low, keep)
                    if not busy and fired | over == 0:
                        continue
                    append(lanes, spikes, used, (1 << 32) + at, fired)
                    if again | over != 0:
                        saturated[k] += count_bits(over)
                        if many or keep == 0:
                            n, largest = _fire_again(core, many, at, again, fired, membranes, spikes, used)
                            more, most = more + n, max(most, largest)
                        elif again != 0:
                            marks[row * words + word] |= 1 << bit
                    used += count_bits(fired)
    return used, more, most


@njit(cache=True, nogil=True)
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
