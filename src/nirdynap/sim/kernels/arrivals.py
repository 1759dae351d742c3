"""In which order the spikes of several sources arrive at a core: docs/semantics.md, section Event run.

Cores run one after the other, each to the end of its input, so all that can arrive at a core has been made when its
turn comes; what is left is to find the order. The spikes of one source always arrive in their own order, and in a
piece: an order is a list of segments, rows (wire, start, stop) of the list of spikes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nirdynap.ir.units import IntArray
from nirdynap.sim.kernels.buffers import with_rows
from nirdynap.sim.layout import Layout
from nirdynap.sim.routes import Routes


@njit
def arrivals(
    net: Layout,
    routes: Routes,
    k: int,
    spikes: IntArray,
    begin: IntArray,
    ends: IntArray,
    heads: IntArray,
    breadth: bool,
) -> IntArray:
    """Segments of what arrives at core `k`.

    The spikes of source s lie from ``begin[s]`` to ``begin[s + 1]``; those that arrival i at core j has caused, from
    ``ends[heads[j] + i]`` to the next of `ends`, where core j leads to one that joins.
    """
    if net.cores[k].wires == 0:
        return np.empty((0, 3), dtype=np.int64)
    root = net.wires[net.cores[k].first_wire].source
    if routes.joins[k]:
        if breadth:
            return _by_event(net, k, spikes, begin)
        root = np.int64(0)
    return _by_path(routes, k, root, begin, ends, heads)


@njit
def _by_path(routes: Routes, k: int, root: int, begin: IntArray, ends: IntArray, heads: IntArray) -> IntArray:
    """Depth first: each spike of `root`, through which all come, with all its descendants that arrive at core `k`.

    A walk along all paths from `root` to `k`. It comes to the arrivals of every core on the way in their own order, for
    in that order they happened: a cursor for each core tells what an arrival has caused. From a source with one wire
    on, all spikes take it one after the other, so they are followed all at once.
    """
    segments = np.empty((16, 3), dtype=np.int64)
    n = np.int64(0)
    ways, first, targets = routes.ways[k], routes.first[k], routes.targets
    cursors = heads.copy()
    path = np.empty((len(begin), 4), dtype=np.int64)  # rows (source, spike, end of its spikes, wire)
    path[0, 0], path[0, 1], path[0, 2], path[0, 3] = root, begin[root], begin[root + 1], first[root]
    deep = int(first[root + 1] > first[root])  # 0 if nothing ever arrives
    while deep > 0:
        source, spike, end, way = path[deep - 1, 0], path[deep - 1, 1], path[deep - 1, 2], path[deep - 1, 3]
        if spike == end:
            deep -= 1
            continue
        stop = spike + 1
        if first[source + 1] - first[source] == 1:
            stop = end
            deep -= 1
        elif way + 1 < first[source + 1]:
            path[deep - 1, 3] = way + 1
        else:
            path[deep - 1, 1], path[deep - 1, 3] = stop, first[source]
        wire = ways[way]
        target = targets[wire]
        if target == k and n > 0 and segments[n - 1, 0] == wire and segments[n - 1, 2] == spike:
            segments[n - 1, 2] = stop
        elif target == k:
            if n == len(segments):
                segments = with_rows(segments, n, 1)
            segments[n, 0], segments[n, 1], segments[n, 2] = wire, spike, stop
            n += 1
        else:
            cursor = cursors[target]
            cursors[target] += stop - spike
            if ends[cursor] < ends[cursors[target]]:
                path[deep, 0], path[deep, 3] = target + 1, first[target + 1]
                path[deep, 1], path[deep, 2] = ends[cursor], ends[cursors[target]]
                deep += 1
    return segments[:n]


@njit
def _by_event(net: Layout, k: int, spikes: IntArray, begin: IntArray) -> IntArray:
    """Breadth first: of each external event the spikes of one source after the other."""
    segments = np.empty((16, 3), dtype=np.int64)
    n = np.int64(0)
    cursors = begin.copy()
    wires = net.wires[net.cores[k].first_wire : net.cores[k].first_wire + net.cores[k].wires]
    while True:
        event = np.int64(2**31)
        for wire in wires:
            if cursors[wire.source] < begin[wire.source + 1]:
                event = min(event, spikes[cursors[wire.source]] >> 32)
        if event == 2**31:
            return segments[:n]
        w = 0
        while w < len(wires):
            source, last = wires[w].source, w + 1
            while last < len(wires) and wires[last].source == source:
                last += 1
            start = stop = cursors[source]
            while stop < begin[source + 1] and spikes[stop] >> 32 == event:
                stop += 1
            cursors[source] = stop
            if n + (last - w) * (stop - start) > len(segments):
                segments = with_rows(segments, n, (last - w) * (stop - start))
            while start < stop:
                after = stop if last - w == 1 else start + 1
                for wire in range(w, last):
                    segments[n, 0] = net.cores[k].first_wire + wire
                    segments[n, 1], segments[n, 2] = start, after
                    n += 1
                start = after
            w = last
