"""Spikes one by one: a step's spikes add their weights to int16 sums, and mark the groups of lanes that they reach."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import literally, njit

from nirdynap.ir.units import IntArray
from nirdynap.sim.kernels.buffers import CODE
from nirdynap.sim.kernels.vectors import add_block, add_runs, take_flags
from nirdynap.sim.layout import GROUP, Layout

_GROUP_BITS = np.uint64(GROUP.bit_length() - 1)


@njit
def scatter(
    net: Layout, core: Any, spikes: IntArray, begin: IntArray, step: int, sums: IntArray, seeds: IntArray
) -> None:
    """All that arrives at a core in a step; `begin` as in `Chunk`. `seeds` as in `spread`, if the core has a map."""
    for w in range(core.first_wire, core.first_wire + core.wires):
        wire = net.wires[w]
        some = spikes[begin[wire.source, step] : begin[wire.source, step + 1]]
        if core.pixels == 1:
            _add_to_point(net, core, wire, some, sums)
        elif core.lanes == 8:
            _add_to_map(8, net, core, wire, some, sums, seeds)
        elif core.lanes == 16:
            _add_to_map(16, net, core, wire, some, sums, seeds)
        else:
            _add_to_map(32, net, core, wire, some, sums, seeds)


@njit
def _add_to_map(
    lanes: int, net: Layout, core: Any, wire: Any, spikes: IntArray, sums: IntArray, seeds: IntArray
) -> None:
    """The spikes of one wire; `lanes` is a literal."""
    literally(lanes)
    table, bits, channels = np.uint64(wire.table), np.uint64(wire.bits), wire.channels
    row, vectors, pixel_lanes = core.row, core.vectors, core.vectors * lanes
    mask = (1 << wire.bits) - 1
    for spike in spikes:
        code = spike & CODE
        channel = code & mask
        # Unsigned, an index is not looked at whether it counts from the end; that alone is a fifth of the time here.
        block = net.blocks[table + (np.uint64(code) >> bits)]
        rows = np.int64(block.rows)
        if rows == 0 or channel >= channels:
            continue
        i = block.pixel * pixel_lanes
        seeds[np.uint64(i) >> _GROUP_BITS] = 1
        j = block.weights + channel * block.stride
        add_block(lanes, sums, i, row, net.weights, j, rows, block.columns * vectors, spike >> 32)


@njit
def spread(seeds: IntArray, reach: IntArray, marks: IntArray) -> None:
    """Mark the groups that blocks reach, and take the seeds away: a byte for each group that a block begins in.

    One byte for a block, and the rest once for all of a step, is much less than to mark all groups of each block.
    """
    for word in range(len(marks)):
        waiting = take_flags(seeds, 64 * word)
        if waiting == 0:
            continue
        for distance in reach:
            to, by = word + (distance >> 6), distance & 63
            if to < len(marks):
                marks[to] |= waiting << by
            if by != 0 and to + 1 < len(marks):
                marks[to + 1] |= np.int64(np.uint64(waiting) >> np.uint64(64 - by))


@njit
def reached(core: Any) -> IntArray:
    """How many groups behind the one that a block begins in it may reach others, ascending."""
    lanes = core.vectors * core.lanes
    last = max(GROUP - lanes, 0) + (core.reach_x + 1) * lanes - 1  # of a row of a block, from that group's first lane
    groups = np.zeros(((core.reach_y * core.row + last) // GROUP) + 1, dtype=np.bool_)
    for y in range(core.reach_y + 1):
        groups[y * core.row // GROUP : (y * core.row + last) // GROUP + 1] = True
    return np.flatnonzero(groups)


@njit
def _add_to_point(net: Layout, core: Any, wire: Any, spikes: IntArray, sums: IntArray) -> None:
    """The spikes of one wire, where all weights go to one pixel: their sums can stay in registers."""
    table, bits, channels = wire.table, wire.bits, wire.channels
    lanes = core.vectors * core.lanes
    runs = np.empty(len(spikes), dtype=np.int64)
    count = 0
    for spike in spikes:
        code = spike & CODE
        channel = code & ((1 << bits) - 1)
        block = net.blocks[table + (code >> bits)]
        if block.rows == 0 or channel >= channels:
            continue
        n = spike >> 32
        j = block.weights + channel * block.stride
        if n == 1:
            runs[count] = j
            count += 1
        else:
            add_block(8, sums, 0, 0, net.weights, j, 1, lanes >> 3, n)
    if count > 0:
        done = 0
        while lanes - done >= 128:
            add_runs(32, 4, sums, done, net.weights, done, runs, count)
            done += 128
        while lanes - done >= 32:
            add_runs(32, 1, sums, done, net.weights, done, runs, count)
            done += 32
        while lanes - done >= 8:
            add_runs(8, 1, sums, done, net.weights, done, runs, count)
            done += 8
