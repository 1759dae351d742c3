"""The event run in vectors: docs/semantics.md, section Event run, over the arrays of `layout`.

A core is a machine over its own ordered input. So the cores run one after the other, each to the end of its input, and
what a core needs stays in the cache; where branches meet, `arrivals` finds the order of the input first.
"""

# Sources (tests/sim/test_kernel_cache.py): f4a452bd0b0c5023
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import literally, njit

from nirdynap.ir.units import IntArray
from nirdynap.sim.kernels.arrivals import arrivals
from nirdynap.sim.kernels.buffers import (
    CODE,
    add_tally,
    decode,
    encode,
    encode_inputs,
    narrow,
    widen,
    with_room,
    with_rows,
)
from nirdynap.sim.kernels.updates import tick, update, update_calm, write
from nirdynap.sim.kernels.vectors import COMPRESSES_BYTES, count_bits, lowest_bit, push
from nirdynap.sim.layout import Inputs, Layout
from nirdynap.sim.plan import Sample
from nirdynap.sim.routes import Routes

_CHUNK = 16384  # external events: what bounds the memory of a long recording
_BATCH = 64  # spikes between two looks at the room that is left


class Order(NamedTuple):
    """In which order spikes are made and sent.

    Attributes:
        breadth: core after core for each external event, and not each spike with all its descendants.
        by_channel: are the spikes of one event sorted by channel, y, x and not by y, x, channel.
    """

    breadth: bool
    by_channel: bool


class _Drive(NamedTuple):
    """What moves a core: the spikes in `segments` (as `arrivals` has them), and ticks of the bias clock.

    Attributes:
        ticks: int64, ascending, the number of external events before each tick of the recording.
        first, last: those of `ticks` that fall into this part of the recording.
    """

    segments: IntArray
    ticks: IntArray
    first: int
    last: int
    by_channel: bool


class _Neurons(NamedTuple):
    """What each spike needs of a core: two addresses, sizes in bytes, and what `update` asks for."""

    calm: bool
    membranes: int
    weights: int
    pixel: int
    row: int
    high: int
    low: int
    keep: int


@njit(cache=True, nogil=True)
def run_events(
    net: Layout, routes: Routes, recorded: IntArray, inputs: Inputs, ticks: IntArray, order: Order, out: Sample
) -> IntArray:
    """All events of one sample, whose counts are 1; `ticks` as in `_Drive`.

    Returns records as `plain.run_events` does, of the cores whose entry in `recorded` is not 0.
    """
    membranes = widen(net, out.membranes)
    begin = np.zeros(len(net.cores) + 2, dtype=np.int64)
    heads = np.zeros(len(net.cores) + 1, dtype=np.int64)
    events = len(inputs.counts)
    spikes = np.empty(16 * min(events, _CHUNK) + 4096, dtype=np.int64)
    ends = np.empty(256, dtype=np.int64)
    records = np.empty((256, 4), dtype=np.int64)
    kept, first = np.int64(0), np.int64(0)  # typed, or what is called with them is compiled once more
    for event in range(0, max(events, 1), _CHUNK):
        end = min(event + _CHUNK, events)
        last = first
        while last < len(ticks) and (ticks[last] < end or end == events):
            last += 1
        encode_inputs(inputs, event, end, True, spikes)
        begin[1] = end - event
        for k in range(len(net.cores)):
            core = net.cores[k]
            segments = arrivals(net, routes, k, spikes, begin, ends, heads, order.breadth)
            heads[k + 1] = heads[k]
            if routes.traced[k]:
                heads[k + 1] += 1 + (segments[:, 2] - segments[:, 1]).sum()
                ends = with_room(ends, heads[k], heads[k + 1] - heads[k])
            drive = _Drive(segments, ticks, first, last, order.by_channel)
            trace = ends[heads[k] : heads[k + 1]]
            spikes, used = _run_core(net, k, drive, membranes, spikes, begin[k + 1], trace, out)
            begin[k + 2] = used
            records, kept = _keep(core, k, recorded[k] != 0, spikes[begin[k + 1] : used], records, kept, out)
        first = last
    narrow(net, membranes, out.membranes)
    return records[:kept]


@njit
def _keep(
    core: Any, k: int, recorded: bool, spikes: IntArray, records: IntArray, kept: int, out: Sample
) -> tuple[IntArray, int]:
    """Count one core's spikes, and record them if asked to."""
    tally = np.zeros(core.size, dtype=np.int32)  # by lane: small, and no neuron has to be worked out for each spike
    for spike in spikes:
        tally[spike & CODE] += 1
    add_tally(core, tally, out.counts)
    if recorded:
        records = with_rows(records, kept, len(spikes))
        for spike in spikes:
            records[kept, 0], records[kept, 1] = spike >> 32, k
            records[kept, 2], records[kept, 3] = decode(core, spike), 1
            kept += 1
    return records, kept


@njit
def _run_core(
    net: Layout,
    k: int,
    drive: _Drive,
    membranes: IntArray,
    spikes: IntArray,
    used: int,
    trace: IntArray,
    out: Sample,
) -> tuple[IntArray, int]:
    """One core, by the loop for its vectors."""
    if net.cores[k].lanes == 8:
        return _feed(8, net, k, drive, membranes, spikes, used, trace, out)
    if net.cores[k].lanes == 16:
        return _feed(16, net, k, drive, membranes, spikes, used, trace, out)
    return _feed(32, net, k, drive, membranes, spikes, used, trace, out)


@njit
def _feed(
    lanes: int,
    net: Layout,
    k: int,
    drive: _Drive,
    all_membranes: IntArray,
    spikes: IntArray,
    used: int,
    trace: IntArray,
    out: Sample,
) -> tuple[IntArray, int]:
    """One core; `lanes` is a literal. Appends its spikes from `used` on; returns the list and their end.

    `trace`, unless it is empty, becomes where the spikes of each arrival begin, and the end.
    """
    literally(lanes)
    core, wires, blocks, weights = net.cores[k], net.wires, net.blocks, net.weights
    segments, ticks, next_tick, last_tick, by_channel = drive
    membranes = all_membranes[core.neurons : core.neurons + core.size]
    neurons = _neurons(core, np.int64(membranes.ctypes.data), np.int64(weights.ctypes.data), lanes)
    plain = core.decimator == 1 and not by_channel
    most = (core.reach_y + 1) * (core.reach_x + 1) * core.vectors * lanes
    over, arrival = 0, 0
    codes = np.int64(spikes.ctypes.data)
    for segment in range(len(segments)):
        wire, first, end = wires[segments[segment, 0]], segments[segment, 1], segments[segment, 2]
        bits, channels, table = wire.bits, wire.channels, wire.table
        stop = first
        while stop < end:
            start, stop = stop, min(stop + _BATCH, end)
            if used + (stop - start) * most > len(spikes):
                spikes = with_room(spikes, used, (stop - start) * most)
                codes = np.int64(spikes.ctypes.data)
            for s in range(start, stop):
                spike = spikes[s]
                while next_tick < last_tick and ticks[next_tick] <= spike >> 32:
                    over += _tick(lanes, net, core, membranes)
                    next_tick += 1
                if len(trace):
                    trace[arrival] = used
                    arrival += 1
                channel = spike & ((1 << bits) - 1)
                if channel < channels:
                    block = blocks[table + ((spike & CODE) >> bits)]
                    before = used
                    used, n = _deliver(lanes, block, channel, spike & ~CODE, neurons, codes, used)
                    over += n
                    if not plain:
                        used = _arrange(core, k, by_channel, spikes, before, used, out)
    while next_tick < last_tick:
        over += _tick(lanes, net, core, membranes)
        next_tick += 1
    if len(trace):
        trace[arrival] = used
    out.saturated[k] += over
    return spikes, used


@njit
def _neurons(core: Any, membranes: int, weights: int, lanes: int) -> _Neurons:
    keep = core.return_to_zero - 1
    pixel = 2 * core.vectors * lanes
    return _Neurons(
        core.calm != 0, membranes, weights, pixel, 2 * core.row, core.threshold_high, core.threshold_low, keep
    )


@njit(forceinline=True)
def _deliver(lanes: int, block: Any, channel: int, event: int, to: _Neurons, codes: int, used: int) -> tuple[int, int]:
    """One spike at one core; appends the spikes that it causes. Returns their end and how many updates saturated.

    Arrays come as addresses: with a reference to count for each, most of the time would go there.
    """
    at = block.pixel * to.pixel
    by = to.weights + 2 * (block.weights + channel * block.stride)
    length = block.columns * to.pixel
    over = 0
    for _ in range(block.rows):
        done = at
        while done < at + length:
            left = at + length - done
            if lanes < 32 and left >= 6 * lanes:  # a row of a 3 x 3 kernel
                used, n = _run(lanes, 3, done, by, event, to, codes, used)
                size = 6 * lanes
            elif left >= 4 * lanes:
                used, n = _run(lanes, 2, done, by, event, to, codes, used)
                size = 4 * lanes
            else:
                used, n = _run(lanes, 1, done, by, event, to, codes, used)
                size = 2 * lanes
            over += n
            done += size
            by += size
        at += to.row
    return used, over


@njit(forceinline=True)
def _run(lanes: int, tile: int, at: int, by: int, event: int, to: _Neurons, codes: int, used: int) -> tuple[int, int]:
    """A tile of a row of a block; `at` in bytes."""
    literally(lanes)
    literally(tile)
    saturated = 0
    if to.calm:
        fired = update_calm(lanes, tile, to.membranes + at, by, to.high, to.low, to.keep)
    else:
        fired, saturated = update(lanes, tile, to.membranes + at, by, to.high, to.low, to.keep)
    first = event + at // 2
    if COMPRESSES_BYTES:
        return used + push(lanes, tile, codes + 8 * used, first, fired), count_bits(saturated)
    while fired != 0:
        write(codes + 8 * used, first + lowest_bit(fired))
        fired &= fired - 1
        used += 1
    return used, count_bits(saturated)


@njit
def _tick(lanes: int, net: Layout, core: Any, membranes: IntArray) -> int:
    """The bias of one clock period; fires nothing. Returns how many updates saturated."""
    literally(lanes)
    over = 0
    if core.has_bias:
        for pixel in range(core.pixels):
            for v in range(0, core.vectors * lanes, lanes):
                at = pixel * core.vectors * lanes + v
                over += count_bits(tick(lanes, membranes, at, net.bias, core.features + v, core.threshold_low))
    return over


@njit
def _arrange(core: Any, k: int, by_channel: bool, spikes: IntArray, first: int, used: int, out: Sample) -> int:
    """Spikes of one event in another order and through the decimator; returns their end."""
    if by_channel and used - first > 1:
        some = spikes[first:used]
        upper = some[0] & ~CODE
        for i in range(len(some)):
            some[i] = decode(core, some[i])
        some.sort()
        for i in range(len(some)):
            some[i] = upper | encode(core, some[i])
    if core.decimator == 1:
        return used
    kept = first
    for i in range(first, used):
        out.phases[k] += 1
        if out.phases[k] == core.decimator:
            out.phases[k] = 0
            spikes[kept] = spikes[i]
            kept += 1
    return kept
