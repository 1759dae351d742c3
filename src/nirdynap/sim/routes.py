"""Which wires lead where: what decides the order of spikes where branches meet."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np

from nirdynap.ir.digest import Same
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray
from nirdynap.sim.layout import lay_out


class Routes(NamedTuple):
    """How spikes get from core to core; wires, sources and cores are those of `Layout`.

    Attributes:
        targets: int64 [wire], the core at the end of each.
        ways, first: int64 [core, wire] and [core, source + 1]. The wires out of source s that lead to core k, straight
            or by way of other cores, are ``ways[k, first[k, s] : first[k, s + 1]]``, in slot order.
        joins: does each core listen to more than one source, int64 0 or 1.
        traced: does each core lead to another one that joins, int64 0 or 1.
    """

    targets: IntArray
    ways: IntArray
    first: IntArray
    joins: IntArray
    traced: IntArray


def find_routes(spec: Spec) -> Routes:
    """The routes of a spec; those of the last few specs are kept."""
    return _kept(Same(spec))


def _find_routes(key: Same[Spec]) -> Routes:
    spec = key.value
    sources = lay_out(spec).wires["source"]
    counts = lay_out(spec).cores["wires"]
    targets = np.repeat(np.arange(len(counts)), counts)
    order = {core.core: index for index, core in enumerate(spec.cores)}
    # Wires between the same two cores lie in slot order, so the first that is left is the one of the next slot.
    left = list(range(len(sources)))
    exits: list[list[int]] = []
    slots = [[port.core for port in spec.inputs], *([d.core for d in core.destinations] for core in spec.cores)]
    for source, there in enumerate(slots):
        exits.append([])
        for core in there:
            wire = next(w for w in left if sources[w] == source and targets[w] == order[core])
            left.remove(wire)
            exits[-1].append(wire)
    leads = np.eye(len(counts), dtype=bool)  # [to, from]
    for k in reversed(range(len(counts))):
        for wire in exits[k + 1]:
            leads[:, k] |= leads[:, targets[wire]]
    ways = np.zeros((len(counts), len(sources)), dtype=np.int64)
    first = np.zeros((len(counts), len(exits) + 1), dtype=np.int64)
    for k in range(len(counts)):
        on_the_way = [[wire for wire in some if leads[k, targets[wire]]] for some in exits]
        first[k, 1:] = np.cumsum([len(some) for some in on_the_way])
        ways[k, : first[k, -1]] = list(chain.from_iterable(on_the_way))
    joins = np.array([len(np.unique(sources[targets == k])) > 1 for k in range(len(counts))])
    traced = (leads & ~np.eye(len(counts), dtype=bool))[joins].any(axis=0)
    return Routes(targets=targets, ways=ways, first=first, joins=joins.astype(np.int64), traced=traced.astype(np.int64))


_kept = lru_cache(maxsize=8)(_find_routes)  # a decorated function is one that mutmut does not change
