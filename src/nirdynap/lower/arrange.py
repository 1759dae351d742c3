"""How many cores each layer takes: split by output channels, copied or relayed, with as few cores as can be.

A layer whose words fit no core is cut into parts, each with some of the output channels. Whoever feeds it then has to
feed each part, and a core has few slots for destinations. Two ways out: a relay, a core that passes spikes on, or a
copy of the feeding layer with slots of its own. All numbers of parts, relays and copies are looked at, those that need
fewer cores first and, of as many cores, fewer words; cores of equal memory count as one kind, which makes the search
complete and short.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement

from nirdynap.chips.chip import Chip
from nirdynap.chips.memory import memory_of
from nirdynap.ir.layers import AnyLayer
from nirdynap.ir.spec import Memory
from nirdynap.lower.rules import fits, memory_of_layer
from nirdynap.lower.wishes import Wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One run of a layer's neurons: the links (by number) that it serves, and the output channels of each part."""

    links: tuple[int, ...]
    channels: tuple[int, ...]


Plan = tuple[tuple[Copy, ...], ...]
"""For each layer its copies; the first one is the layer itself, which is read."""

_Groups = tuple[tuple[tuple[int, ...], ...], ...]
"""For each layer, the links of each of its copies."""

_Usage = tuple[int, ...]
"""Cores of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    layers: tuple[AnyLayer, ...]
    slots: int
    parts: tuple[int | None, ...]
    kinds: tuple[Memory, ...]
    free: _Usage
    pins: tuple[tuple[int, ...] | None, ...]  # kind of each part of the pinned layers
    room: tuple[tuple[int, ...], ...]  # by layer and kind, the most channels that fit


def arrange(layers: tuple[AnyLayer, ...], chip: Chip, wishes: Wishes) -> Plan | None:
    """The plan with the fewest cores, then words; None if there is none."""
    problem = _problem(layers, chip, wishes)
    budget = sum(problem.free)
    options = cache(lambda i, parts, relays, first: _options(problem, i, parts, relays, first))
    for cost in range(len(layers), budget + 1):
        found: list[Plan] = []
        for parts in _counts(problem, cost):
            for groups in _fan_outs(problem, parts, cost):
                if _cost(problem, parts, groups) == cost:
                    items = list(_items(problem, parts, groups))
                    sizes = _fill(problem, [options(*item) for item in items])
                    if sizes is not None:
                        found.append(_plan(groups, sizes))
        if found:
            return min(found, key=lambda plan: _words(layers, plan, problem.slots))
    return None


def relays_of(destinations: int, slots: int) -> int:
    """Relays that a core with so many destinations needs: each takes one slot and has `slots` of its own.

    Where a core has only one slot, no number of them is enough: more than any chip has room for.
    """
    if destinations <= slots:
        return 0
    return -(-(destinations - slots) // (slots - 1)) if slots > 1 else sys.maxsize


def relay_memory(layer: AnyLayer, channels: int) -> Memory:
    """Words of a relay of some channels of a layer."""
    shape = (channels, *layer.neuron_shape[1:])
    return memory_of(weights_shape=(channels, channels, 1, 1), neuron_shape=shape, has_bias=False)


def destinations_of(layer: AnyLayer, copy: Copy, plan: Plan) -> int:
    """Cores that each part of a copy sends its spikes to, counted once for each link."""
    return sum(len(c.channels) for k in copy.links for c in plan[layer.links[k].target])


def _problem(layers: tuple[AnyLayer, ...], chip: Chip, wishes: Wishes) -> _Problem:
    kinds = tuple(dict.fromkeys(chip.cores[core] for core in wishes.cores))
    return _Problem(
        layers=layers,
        slots=chip.limits.destinations,
        parts=wishes.parts,
        kinds=kinds,
        free=tuple(sum(chip.cores[core] == kind for core in wishes.cores) for kind in kinds),
        pins=tuple(pins and tuple(kinds.index(chip.cores[core]) for core in pins) for pins in wishes.pins),
        room=tuple(tuple(_most_channels(layer, kind) for kind in kinds) for layer in layers),
    )


def _most_channels(layer: AnyLayer, room: Memory) -> int:
    """Most output channels of the layer for which there is room; words never shrink when channels are added."""
    low, high = 0, layer.neuron_shape[0]
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(memory_of_layer(layer, middle), room) else (low, middle - 1)
    return low


def _counts(problem: _Problem, budget: int) -> Iterator[tuple[int, ...]]:
    """Numbers of parts of each layer that could do, not more than `budget` in all; lower numbers first."""
    fewest = [_fewest(problem, i) for i in range(len(problem.layers))]

    def extended(before: tuple[int, ...], left: int) -> Iterator[tuple[int, ...]]:
        i = len(before)
        if i == len(fewest):
            yield before
            return
        asked, most = problem.parts[i], problem.layers[i].neuron_shape[0]
        spare = left - sum(fewest[i + 1 :])
        for parts in (asked,) if asked else range(fewest[i], min(most, spare) + 1):
            if parts <= spare:
                yield from extended((*before, parts), left - parts)

    yield from extended((), budget)


def _fewest(problem: _Problem, i: int) -> int:
    """The least number of parts of a layer if it had the chip for itself."""
    if asked := problem.parts[i]:
        return asked
    rooms = sorted(
        (n for n, free in zip(problem.room[i], problem.free, strict=True) for _ in range(free)), reverse=True
    )
    wanted, parts = problem.layers[i].neuron_shape[0], 0
    while wanted > 0 and parts < len(rooms) and rooms[parts] > 0:
        wanted, parts = wanted - rooms[parts], parts + 1
    return parts if wanted <= 0 else len(rooms) + 1


def _fan_outs(problem: _Problem, parts: tuple[int, ...], budget: int) -> Iterator[_Groups]:
    """Ways to share out the links of each layer over copies of it, from the last layer to the first."""
    layers = problem.layers

    def extended(behind: _Groups, left: int) -> Iterator[_Groups]:
        i = len(layers) - len(behind) - 1
        if i < 0:
            yield behind
            return
        links = layers[i].links
        size = [parts[link.target] * len(behind[link.target - i - 1]) for link in links]
        enough = sum(size) <= problem.slots
        for groups in [(tuple(range(len(links))),)] if enough else _groupings(layers, i, left // parts[i]):
            relays = sum(relays_of(sum(size[k] for k in group), problem.slots) for group in groups)
            used = parts[i] * (len(groups) + relays)
            if used <= left:
                yield from extended((groups, *behind), left - used)

    yield from extended((), budget)


def _groupings(layers: tuple[AnyLayer, ...], i: int, most: int) -> list[tuple[tuple[int, ...], ...]]:
    """The links of a layer in one or more groups, at most so many, each for a copy.

    Links whose spikes meet again further down stay together: two copies would send them one after the other, where one
    core sends each spike both ways before the next, and a core that listens to both would hear another order.
    """
    bundles: list[tuple[frozenset[int], tuple[int, ...]]] = []
    for k, link in enumerate(layers[i].links):
        reached = _reached(layers, link.target)
        links: tuple[int, ...] = (k,)
        for bundle in [b for b in bundles if b[0] & reached]:
            bundles.remove(bundle)
            reached, links = reached | bundle[0], (*bundle[1], *links)
        bundles.append((reached, links))
    return sorted(_partitions([links for _, links in bundles], most))


def _partitions(bundles: list[tuple[int, ...]], most: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All ways to put bundles of links together into at most so many groups."""
    if not bundles:
        yield ()
        return
    first, *others = bundles
    for groups in _partitions(others, most):
        if len(groups) < most:
            yield tuple(sorted((first, *groups)))
        for group in groups:
            rest = (other for other in groups if other != group)
            yield tuple(sorted((tuple(sorted(first + group)), *rest)))


def _reached(layers: tuple[AnyLayer, ...], start: int) -> frozenset[int]:
    reached = {start}
    for i in range(start, len(layers)):
        if i in reached:
            reached |= {link.target for link in layers[i].links}
    return frozenset(reached)


def _cost(problem: _Problem, parts: tuple[int, ...], groups: _Groups) -> int:
    return sum(n * (1 + relays) for _, n, relays, _ in _items(problem, parts, groups))


def _items(problem: _Problem, parts: tuple[int, ...], groups: _Groups) -> Iterator[tuple[int, int, int, bool]]:
    """Each copy to be placed: (layer, parts, relays behind each part, is it the first copy)."""
    for i, layer in enumerate(problem.layers):
        for c, group in enumerate(groups[i]):
            fed = sum(parts[layer.links[k].target] * len(groups[layer.links[k].target]) for k in group)
            yield i, parts[i], relays_of(fed, problem.slots), c == 0


def _options(
    problem: _Problem, i: int, parts: int, relays: int, first: bool
) -> tuple[tuple[_Usage, tuple[int, ...]], ...]:
    """Ways to place a copy: the cores of each kind that it takes, and the channels of its parts."""
    layer, pins, everyone = problem.layers[i], problem.pins[i], range(len(problem.kinds))
    usable = [k for k in everyone if problem.room[i][k]]
    found: dict[_Usage, tuple[int, ...]] = {}
    for kinds in [pins] if first and pins else combinations_with_replacement(usable, parts):
        sizes = _shares(layer.neuron_shape[0], [problem.room[i][k] for k in kinds])
        if sizes is None:
            continue
        usages = {tuple(kinds.count(k) for k in everyone)}
        for need in [relay_memory(layer, size) for size in sizes for _ in range(relays)]:
            hosts = [k for k in everyone if fits(need, problem.kinds[k])]
            usages = {tuple(n + (k == host) for k, n in enumerate(u)) for u in usages for host in hosts}
        for usage in sorted(usages):
            if all(n <= free for n, free in zip(usage, problem.free, strict=True)):
                found.setdefault(usage, sizes)
    return tuple(found.items())


def _shares(channels: int, room: list[int]) -> tuple[int, ...] | None:
    """So many channels in parts as equal as the room for each allows; None if there is too little room."""
    if sum(room) < channels or channels < len(room) or 0 in room:
        return None
    sizes, left = [0] * len(room), channels
    for done, k in enumerate(sorted(range(len(room)), key=lambda k: room[k])):
        sizes[k] = min(room[k], left // (len(room) - done))
        left -= sizes[k]
    return tuple(sizes)


def _fill(problem: _Problem, options: list[tuple[tuple[_Usage, tuple[int, ...]], ...]]) -> list[tuple[int, ...]] | None:
    """The channels of each item's parts in a choice of options that together take no more cores than there are."""
    stages: list[dict[_Usage, tuple[_Usage, tuple[int, ...]]]] = []
    states = [problem.free]
    for choices in options:
        after: dict[_Usage, tuple[_Usage, tuple[int, ...]]] = {}
        for state in states:
            for usage, sizes in choices:
                left = tuple(a - b for a, b in zip(state, usage, strict=True))
                if min(left) >= 0:
                    after.setdefault(left, (state, sizes))
        stages.append(after)
        states = list(after)
    if not states:
        return None
    state, chosen = states[0], []
    for stage in reversed(stages):
        state, sizes = stage[state]
        chosen.append(sizes)
    return chosen[::-1]


def _plan(groups: _Groups, sizes: list[tuple[int, ...]]) -> Plan:
    left = iter(sizes)
    return tuple(tuple(Copy(links=links, channels=next(left)) for links in copies) for copies in groups)


def _words(layers: tuple[AnyLayer, ...], plan: Plan, slots: int) -> int:
    """Words of all memories that a plan takes."""
    words = 0
    for layer, copies in zip(layers, plan, strict=True):
        for copy in copies:
            relays = relays_of(destinations_of(layer, copy, plan), slots)
            for n in copy.channels:
                words += sum(memory_of_layer(layer, n)) + relays * sum(relay_memory(layer, n))
    return words
