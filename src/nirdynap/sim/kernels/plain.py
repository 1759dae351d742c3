"""The loops that Numba compiles: docs/semantics.md, sections Clocked run and Event run, over the arrays of `plan`.

No checks are made here. Arrays named last are written to. Recorded spikes come back as int64 rows (when, core, neuron,
count), where `when` is the time step or the index of the external event, and `neuron` the flat index in [c, y, x].
"""

# Sources (tests/sim/test_kernel_cache.py): f4a452bd0b0c5023
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from nirdynap.ir.units import INT16_MAX, INT16_MIN, IntArray
from nirdynap.sim.plan import Network, Sample

_INT32_LOW, _INT32_HIGH = -(2**31), 2**31 - 1


@njit
def _with_room(rows: IntArray, needed: int) -> IntArray:
    """`rows`, or a larger copy if it holds fewer than `needed`."""
    if needed <= len(rows):
        return rows
    larger = np.empty((max(needed, 2 * len(rows)), rows.shape[1]), dtype=np.int64)
    larger[: len(rows)] = rows
    return larger


@njit
def _reach(position: int, padding: int, stride: int, kernel: int, size: int) -> tuple[int, int]:
    """First and last output row (or column) whose kernel covers an input position."""
    along = position + padding
    first = -((kernel - 1 - along) // stride)  # rounded up
    return max(0, first), min(size - 1, along // stride)


# --- event run --------------------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def run_events(
    net: Network,
    c: IntArray,
    y: IntArray,
    x: IntArray,
    ticks: IntArray,
    breadth: bool,
    by_channel: bool,
    out: Sample,
) -> IntArray:
    """All events of one sample; `ticks`: the number of events before each tick of the bias clock, ascending."""
    cores = len(net.cores)
    frames = np.zeros((3, cores), dtype=np.int64)
    waiting = np.empty((256, 4), dtype=np.int64)
    records = np.empty((256, 4), dtype=np.int64)
    used = 0
    tick = 0
    for i in range(len(c)):
        while tick < len(ticks) and ticks[tick] <= i:
            _tick(net, out)
            tick += 1
        if breadth:
            waiting, records, used = _breadth(net, i, c[i], y[i], x[i], by_channel, frames, waiting, records, used, out)
        else:
            for p in range(len(net.ports)):
                port = net.ports[p]
                if c[i] < port.channels and y[i] < port.height and x[i] < port.width:
                    shifted = c[i] + port.shift
                    records, used = _depth(
                        net, i, port.target, shifted, y[i], x[i], by_channel, frames, records, used, out
                    )
    for _ in range(tick, len(ticks)):
        _tick(net, out)
    return records[:used]


@njit
def _tick(net: Network, out: Sample) -> None:
    """The bias of one clock period; fires nothing."""
    for k in range(len(net.cores)):
        core = net.cores[k]
        if core.has_bias:
            for i in range(core.channels * core.height * core.width):
                v = np.int64(out.membranes[core.neurons + i]) + net.bias[core.features + i % core.channels]
                if v < INT16_MIN or v > INT16_MAX:
                    out.saturated[k] += 1
                out.membranes[core.neurons + i] = max(min(max(v, INT16_MIN), INT16_MAX), core.threshold_low)


@njit
def _depth(
    net: Network,
    when: int,
    k: int,
    c: int,
    y: int,
    x: int,
    by_channel: bool,
    frames: IntArray,
    records: IntArray,
    used: int,
    out: Sample,
) -> tuple[IntArray, int]:
    """One event at core `k` with all its descendants, each before the next spike.

    The path from the event down to the spike at work visits a core once at most, for there are no cycles: so a stack of
    as many frames as there are cores is enough, and each core's part of `out.found` belongs to one frame.
    """
    path, sizes, cursors = frames[0], frames[1], frames[2]
    deep = 0
    enter = True
    while True:
        if enter:
            n = _update(net, k, c, y, x, by_channel, out)
            n, records, used = _emit(net, k, when, n, records, used, out)
            path[deep], sizes[k], cursors[k] = k, n, 0
            deep += 1
        k = path[deep - 1]
        core = net.cores[k]
        if cursors[k] == sizes[k] * core.edges:
            deep -= 1
            if deep == 0:
                return records, used
            enter = False
            continue
        neuron = out.found[core.found + cursors[k] // core.edges]
        edge = net.edges[core.first_edge + cursors[k] % core.edges]
        cursors[k] += 1
        enter, c, y, x = _arrive(core, edge, neuron)
        k = edge.target


@njit
def _breadth(
    net: Network,
    when: int,
    c: int,
    y: int,
    x: int,
    by_channel: bool,
    frames: IntArray,
    waiting: IntArray,
    records: IntArray,
    used: int,
    out: Sample,
) -> tuple[IntArray, IntArray, int]:
    """One external event: core after core, each with all that waits for it.

    `waiting` holds rows (c, y, x, next row): one list for each core, threaded through one buffer.
    """
    heads, tails = frames[0], frames[1]
    heads[:] = -1
    size = 0
    for p in range(len(net.ports)):
        port = net.ports[p]
        if c < port.channels and y < port.height and x < port.width:
            waiting = _with_room(waiting, size + 1)
            size = _append(port.target, c + port.shift, y, x, size, heads, tails, waiting)
    for k in range(len(net.cores)):
        core = net.cores[k]
        row = heads[k]
        while row >= 0:
            n = _update(net, k, waiting[row, 0], waiting[row, 1], waiting[row, 2], by_channel, out)
            n, records, used = _emit(net, k, when, n, records, used, out)
            waiting = _with_room(waiting, size + n * core.edges)
            for i in range(n):
                for e in range(core.edges):
                    edge = net.edges[core.first_edge + e]
                    inside, tc, ty, tx = _arrive(core, edge, out.found[core.found + i])
                    if inside:
                        size = _append(edge.target, tc, ty, tx, size, heads, tails, waiting)
            row = waiting[row, 3]
    return waiting, records, used


@njit
def _append(k: int, c: int, y: int, x: int, size: int, heads: IntArray, tails: IntArray, waiting: IntArray) -> int:
    """Put an address at the end of core `k`'s list; the new number of rows."""
    waiting[size] = (c, y, x, -1)
    if heads[k] < 0:
        heads[k] = size
    else:
        waiting[tails[k], 3] = size
    tails[k] = size
    return size + 1


@njit
def _arrive(core: Any, edge: Any, neuron: int) -> tuple[bool, int, int, int]:
    """Does a spike of `neuron` arrive at the other end of the edge, and at which (c, y, x)."""
    o = neuron // (core.height * core.width)
    y = neuron // core.width % core.height // edge.pooling
    x = neuron % core.width // edge.pooling
    return o < edge.channels and y < edge.height and x < edge.width, o + edge.shift, y, x


@njit
def _update(net: Network, k: int, c: int, y: int, x: int, by_channel: bool, out: Sample) -> int:
    """One event at one core; returns how many neurons spiked, listed in `out.found` in emission order."""
    core = net.cores[k]
    channels, high, low = core.channels, core.threshold_high, core.threshold_low
    top, bottom = _reach(y, core.padding_y, core.stride_y, core.kernel_y, core.height)
    left, right = _reach(x, core.padding_x, core.stride_x, core.kernel_x, core.width)
    n: int = core.found
    for oy in range(top, bottom + 1):
        ky = y + core.padding_y - oy * core.stride_y
        for ox in range(left, right + 1):
            kx = x + core.padding_x - ox * core.stride_x
            first_weight = core.weights + ((c * core.kernel_y + ky) * core.kernel_x + kx) * channels
            first_neuron = core.neurons + (oy * core.width + ox) * channels
            for o in range(channels):
                w = np.int32(net.weights[first_weight + o])
                if w == 0:
                    continue
                v = np.int32(out.membranes[first_neuron + o]) + w
                if v < INT16_MIN or v > INT16_MAX:
                    out.saturated[k] += 1
                    v = min(max(v, INT16_MIN), INT16_MAX)
                if v >= high:
                    v = 0 if core.return_to_zero else v - high
                    out.found[n] = (o * core.height + oy) * core.width + ox
                    n += 1
                out.membranes[first_neuron + o] = max(v, low)
    if by_channel:
        out.found[core.found : n].sort()
    spikes: int = n - core.found
    return spikes


@njit
def _emit(
    net: Network, k: int, when: int, n: int, records: IntArray, used: int, out: Sample
) -> tuple[int, IntArray, int]:
    """Keep in `out.found` the spikes that pass the decimator, count and record them; returns how many they are."""
    core = net.cores[k]
    records = _with_room(records, used + n)
    passed = 0
    for i in range(core.found, core.found + n):
        out.phases[k] += 1
        if out.phases[k] == core.decimator:
            out.phases[k] = 0
            neuron = out.found[i]
            out.found[core.found + passed] = neuron
            passed += 1
            out.counts[core.neurons + neuron] += 1
            if core.recorded:
                records[used] = (when, k, neuron, 1)
                used += 1
    return passed, records, used


# --- clocked run ------------------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def run_steps(
    net: Network,
    starts: IntArray,
    c: IntArray,
    y: IntArray,
    x: IntArray,
    count: IntArray,
    many: bool,
    saturate: bool,
    overflow: IntArray,
    out: Sample,
) -> IntArray:
    """All time steps of one sample; step s takes the inputs from starts[s] up to starts[s + 1].

    Where a sum leaves the int32 range, `overflow` becomes (core, sum) and the run stops.
    """
    sums = np.zeros(len(out.membranes), dtype=np.int64)
    records = np.empty((256, 4), dtype=np.int64)
    used = 0
    for step in range(len(starts) - 1):
        for i in range(starts[step], starts[step + 1]):
            for p in range(len(net.ports)):
                port = net.ports[p]
                if c[i] < port.channels and y[i] < port.height and x[i] < port.width:
                    _add(net, port.target, c[i] + port.shift, y[i], x[i], count[i], sums)
        for k in range(len(net.cores)):
            records, used = _step(net, k, step, many, saturate, sums, records, used, overflow, out)
            if overflow[0] >= 0:
                return records[:used]
    return records[:used]


@njit
def _step(
    net: Network,
    k: int,
    step: int,
    many: bool,
    saturate: bool,
    sums: IntArray,
    records: IntArray,
    used: int,
    overflow: IntArray,
    out: Sample,
) -> tuple[IntArray, int]:
    """One time step of one core, whose input currents are complete in `sums`."""
    core = net.cores[k]
    records = _with_room(records, used + core.channels * core.height * core.width)
    for neuron in range(core.channels * core.height * core.width):
        o = neuron // (core.height * core.width)
        at = core.neurons + neuron % (core.height * core.width) * core.channels + o
        v = np.int64(out.membranes[at]) + sums[at] + net.bias[core.features + o]
        sums[at] = 0
        if v < INT16_MIN or v > INT16_MAX:
            out.saturated[k] += 1
            if v < _INT32_LOW or v > _INT32_HIGH:
                overflow[0], overflow[1] = k, v
                return records, used
            if saturate:
                v = min(max(v, INT16_MIN), INT16_MAX)
        n = 0
        if v >= core.threshold_high:
            n = v // core.threshold_high if many else 1
            v = 0 if core.return_to_zero else v - n * core.threshold_high
        out.membranes[at] = max(v, core.threshold_low)
        if n == 0:
            continue
        out.phases[k] += n
        n = out.phases[k] // core.decimator
        out.phases[k] %= core.decimator
        out.counts[core.neurons + neuron] += n
        if core.recorded and n > 0:
            records[used] = (step, k, neuron, n)
            used += 1
        for e in range(core.first_edge, core.first_edge + core.edges):
            edge = net.edges[e]
            inside, tc, ty, tx = _arrive(core, edge, neuron)
            if inside and n > 0:
                _add(net, edge.target, tc, ty, tx, n, sums)
    return records, used


@njit
def _add(net: Network, k: int, c: int, y: int, x: int, n: int, sums: IntArray) -> None:
    """The currents of `n` equal events at one core."""
    core = net.cores[k]
    top, bottom = _reach(y, core.padding_y, core.stride_y, core.kernel_y, core.height)
    left, right = _reach(x, core.padding_x, core.stride_x, core.kernel_x, core.width)
    for oy in range(top, bottom + 1):
        ky = y + core.padding_y - oy * core.stride_y
        for ox in range(left, right + 1):
            kx = x + core.padding_x - ox * core.stride_x
            first_weight = core.weights + ((c * core.kernel_y + ky) * core.kernel_x + kx) * core.channels
            first_neuron = core.neurons + (oy * core.width + ox) * core.channels
            for o in range(core.channels):
                sums[first_neuron + o] += n * np.int64(net.weights[first_weight + o])
