"""Spikes one by one: a step's spikes add their weights to int16 sums, and mark the groups of lanes that they reach."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import literally, njit

from nirdynap.ir.units import IntArray
from nirdynap.sim.kernels.buffers import CODE
from nirdynap.sim.kernels.vectors import add_block, add_runs
from nirdynap.sim.layout import Layout

_ALL = np.uint64(2**64 - 1)


@njit
def scatter(
    net: Layout, core: Any, spikes: IntArray, begin: IntArray, step: int, sums: IntArray, marks: IntArray
) -> None:
    """All that arrives at a core in a step; `begin` as in `Chunk`."""
    arriving = 0
    for w in range(core.first_wire, core.first_wire + core.wires):
        source = net.wires[w].source
        arriving += begin[source, step + 1] - begin[source, step]
    # Where the spikes reach most groups, marks cost more than they save.
    marking = core.pixels > 1 and arriving * (core.reach_y + 1) < core.groups
    if arriving > 0 and not marking:
        marks[:] = -1
    for w in range(core.first_wire, core.first_wire + core.wires):
        wire = net.wires[w]
        some = spikes[begin[wire.source, step] : begin[wire.source, step + 1]]
        if core.pixels == 1:
            _add_to_point(net, core, wire, some, sums)
        elif core.lanes == 8:
            _add_to_map(8, net, core, wire, some, sums, marks, marking)
        elif core.lanes == 16:
            _add_to_map(16, net, core, wire, some, sums, marks, marking)
        else:
            _add_to_map(32, net, core, wire, some, sums, marks, marking)


@njit
def _add_to_map(
    lanes: int, net: Layout, core: Any, wire: Any, spikes: IntArray, sums: IntArray, marks: IntArray, marking: bool
) -> None:
    """The spikes of one wire; `lanes` is a literal."""
    literally(lanes)
    table, bits, channels = wire.table, wire.bits, wire.channels
    row, vectors, pixel_lanes = core.row, core.vectors, core.vectors * lanes
    for spike in spikes:
        n = spike >> 32
        code = spike & CODE
        channel = code & ((1 << bits) - 1)
        block = net.blocks[table + (code >> bits)]
        rows = np.int64(block.rows)
        if rows == 0 or channel >= channels:
            continue
        i = block.pixel * pixel_lanes
        if marking:
            _mark(i, rows, row, block.columns * pixel_lanes, marks)
        j = block.weights + channel * block.stride
        add_block(lanes, sums, i, row, net.weights, j, rows, block.columns * vectors, n)


@njit(forceinline=True)
def _mark(i: int, rows: int, row: int, lanes: int, marks: IntArray) -> None:
    """Mark the groups of a block: `rows` runs of `lanes`, the first from lane i on."""
    for _ in range(rows):
        group = i >> 5
        left = ((i + lanes - 1) >> 5) + 1 - group
        while left > 0:  # once, unless the run crosses words of the bit map
            bit = group & 63
            some = min(left, 64 - bit)
            marks[group >> 6] |= np.int64(_ALL >> np.uint64(64 - some)) << bit
            group += some
            left -= some
        i += row


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
