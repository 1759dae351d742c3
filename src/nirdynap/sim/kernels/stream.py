"""The event run in vectors: docs/semantics.md, section Event run, over the arrays of `layout`.

For networks in which every core listens to one source. Such a core is a machine over its own ordered input, and
whatever order the spikes of other cores take, depth or breadth, that input is the same list. So it is made core after
core, and what a core needs stays in the cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import literally, njit

from nirdynap.ir.units import IntArray
from nirdynap.sim.kernels.buffers import CODE, decode, encode, narrow, widen, with_room, with_rows
from nirdynap.sim.kernels.vectors import count_bits, lowest_bit, tick, update, update_calm
from nirdynap.sim.layout import Layout
from nirdynap.sim.plan import Sample

_CHUNK = 16384  # external events: what bounds the memory of a long recording
_BATCH = 64  # spikes between two looks at the room that is left


class _Drive(NamedTuple):
    """What moves a core: `spikes` from `start` to `stop`, and ticks of the bias clock.

    Attributes:
        ticks: int64, ascending, the number of external events before each tick of the recording.
        first, last: those of `ticks` that fall into this part of the recording.
        by_channel: are the spikes of one event sorted by channel, y, x and not by y, x, channel.
    """

    start: int
    stop: int
    ticks: IntArray
    first: int
    last: int
    by_channel: bool


@njit(cache=True, nogil=True)
def run_events(
    net: Layout, recorded: IntArray, inputs: IntArray, ticks: IntArray, by_channel: bool, out: Sample
) -> IntArray:
    """All events of one sample: spike codes with the index of the event in the high half; `ticks` as in `_Drive`.

    Returns records as `plain.run_events` does, of the cores whose entry in `recorded` is not 0.
    """
    membranes = widen(net, out.membranes)
    begin = np.zeros(len(net.cores) + 2, dtype=np.int64)
    spikes = np.empty(16 * min(len(inputs), _CHUNK) + 4096, dtype=np.int64)
    records = np.empty((256, 4), dtype=np.int64)
    kept = first = 0
    for event in range(0, max(len(inputs), 1), _CHUNK):
        some = inputs[event : event + _CHUNK]
        end = event + len(some)
        last = first
        while last < len(ticks) and (ticks[last] < end or end == len(inputs)):
            last += 1
        spikes[: len(some)] = some
        begin[1] = len(some)
        for k in range(len(net.cores)):
            source = net.wires[net.cores[k].first_wire].source
            drive = _Drive(begin[source], begin[source + 1], ticks, first, last, by_channel)
            if net.cores[k].lanes == 8:
                spikes, used = _run_core(8, net, k, drive, membranes, spikes, begin[k + 1], out)
            elif net.cores[k].lanes == 16:
                spikes, used = _run_core(16, net, k, drive, membranes, spikes, begin[k + 1], out)
            else:
                spikes, used = _run_core(32, net, k, drive, membranes, spikes, begin[k + 1], out)
            begin[k + 2] = used
            records, kept = _keep(net.cores[k], k, recorded[k] != 0, spikes[begin[k + 1] : used], records, kept, out)
        first = last
    narrow(net, membranes, out.membranes)
    return records[:kept]


@njit(cache=True, nogil=True)
def _keep(
    core: Any, k: int, recorded: bool, spikes: IntArray, records: IntArray, kept: int, out: Sample
) -> tuple[IntArray, int]:
    """Count one core's spikes, and record them if asked to."""
    counts = out.counts[core.first : core.first + core.pixels * core.channels]
    tally = np.zeros(core.size, dtype=np.int32)  # by lane: small, and no neuron has to be worked out for each spike
    for spike in spikes:
        tally[spike & CODE] += 1
    lanes = core.vectors * core.lanes
    for o in range(core.channels):
        for pixel in range(core.pixels):
            counts[o * core.pixels + pixel] += tally[pixel * lanes + o]
    if recorded:
        records = with_rows(records, kept, len(spikes))
        for spike in spikes:
            records[kept] = (spike >> 32, k, decode(core, spike), 1)
            kept += 1
    return records, kept


@njit(cache=True, nogil=True)
def _run_core(
    lanes: int, net: Layout, k: int, drive: _Drive, all_membranes: IntArray, spikes: IntArray, used: int, out: Sample
) -> tuple[IntArray, int]:
    """One core; `lanes` is a literal. Appends its spikes from `used` on; returns the list and their end."""
    literally(lanes)
    core = net.cores[k]
    membranes = all_membranes[core.neurons : core.neurons + core.size]
    plain = core.decimator == 1 and not drive.by_channel
    most = (core.reach_y + 1) * (core.reach_x + 1) * core.vectors * lanes * core.wires
    next_tick = drive.first
    for start in range(drive.start, drive.stop, _BATCH):
        spikes = with_room(spikes, used, _BATCH * most)
        for s in range(start, min(start + _BATCH, drive.stop)):
            while next_tick < drive.last and drive.ticks[next_tick] <= spikes[s] >> 32:
                out.saturated[k] += _tick(lanes, net, core, membranes)
                next_tick += 1
            for w in range(core.first_wire, core.first_wire + core.wires):
                before = used
                used, over = _deliver(lanes, net, core, net.wires[w], spikes[s], membranes, spikes, used)
                out.saturated[k] += over
                if not plain:
                    used = _arrange(core, k, drive.by_channel, spikes, before, used, out)
    while next_tick < drive.last:
        out.saturated[k] += _tick(lanes, net, core, membranes)
        next_tick += 1
    return spikes, used


@njit(cache=True, nogil=True, forceinline=True)
def _deliver(
    lanes: int, net: Layout, core: Any, wire: Any, spike: int, membranes: IntArray, spikes: IntArray, used: int
) -> tuple[int, int]:
    """One spike at one core; appends the spikes that it causes. Returns their end and how many updates saturated."""
    pixel_lanes = core.vectors * lanes
    high, low, keep = core.threshold_high, core.threshold_low, core.return_to_zero - 1
    calm, row = core.calm != 0, core.row
    code = spike & CODE
    channel = code & ((1 << wire.bits) - 1)
    block = net.blocks[wire.table + (code >> wire.bits)]
    if channel >= wire.channels:
        return used, 0
    over = 0
    i = block.pixel * pixel_lanes
    j = block.weights + channel * block.stride
    length = block.columns * pixel_lanes
    upper = spike - code
    for _ in range(block.rows):
        done = 0
        while done < length:
            at = i + done
            saturated = 0
            if lanes < 32 and length - done >= 3 * lanes:  # a row of a 3 x 3 kernel
                if calm:
                    fired = update_calm(lanes, 3, membranes, at, net.weights, j, high, low, keep)
                else:
                    fired, saturated = update(lanes, 3, membranes, at, net.weights, j, high, low, keep)
                done += 3 * lanes
                j += 3 * lanes
            elif length - done >= 2 * lanes:
                if calm:
                    fired = update_calm(lanes, 2, membranes, at, net.weights, j, high, low, keep)
                else:
                    fired, saturated = update(lanes, 2, membranes, at, net.weights, j, high, low, keep)
                done += 2 * lanes
                j += 2 * lanes
            else:
                if calm:
                    fired = update_calm(lanes, 1, membranes, at, net.weights, j, high, low, keep)
                else:
                    fired, saturated = update(lanes, 1, membranes, at, net.weights, j, high, low, keep)
                done += lanes
                j += lanes
            over += count_bits(saturated)
            while fired != 0:  # seldom more than one, so a branch is cheaper here than `vectors.append`
                spikes[used] = upper + at + lowest_bit(fired)
                fired &= fired - 1
                used += 1
        i += row
    return used, over


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
