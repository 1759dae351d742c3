"""Which part of one graph is which of another: by name where names stay, by place and content where they do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable

from nirdynap.compare.graph import Graph, Part, Wire
from nirdynap.ir.digest import digest
from nirdynap.ir.network import Edge, topological_order

_Key = Callable[[Part], Hashable]


def pairs_of(a: Graph, b: Graph) -> tuple[tuple[Part, Part], ...]:
    """Parts of `a` with those of `b` that they became, in the order of `a`. A pair is of one kind.

    From the surest sign to the weakest, each for what no surer one has paired: the same name, content and place; the
    same content and place; the same name and a place of the same shapes; a place of the same shapes; the same name;
    the same content; the same neighbours. Place means everything before and behind, so that what was inserted breaks
    it for all, and then names decide before contents do.
    """
    pairing = _Pairing(a, b)
    content = [_labels(graph, _content) for graph in (a, b)]
    shapes = [_labels(graph, _shapes) for graph in (a, b)]
    for labels, named in ((content, True), (content, False), (shapes, True), (shapes, False)):
        pairing.pair(*(_placed(of, named) for of in labels))
    pairing.pair(_named, _named)
    pairing.pair(_content, _content)
    pairing.by_neighbours(downward=True)
    pairing.by_neighbours(downward=False)
    return tuple((part, pairing.partner[part.name]) for part in a.parts if part.name in pairing.partner)


class _Pairing:
    """The pairs found so far. It grows while `pairs_of` runs, and nobody else sees it."""

    def __init__(self, a: Graph, b: Graph) -> None:
        self.a, self.b = a, b
        self.partner: dict[str, Part] = {}  # of a part of `a`, by its name
        self.taken: dict[str, str] = {}  # name in `b`: name in `a`

    def pair(self, key_a: _Key, key_b: _Key) -> bool:
        """Pair what has equal keys, in the order of the graphs; was there any? A key of None never counts."""
        waiting: dict[Hashable, list[Part]] = defaultdict(list)
        for part in self.b.parts:
            if part.name not in self.taken:
                waiting[key_b(part)].append(part)
        before = len(self.partner)
        for part in self.a.parts:
            if part.name not in self.partner and (key := key_a(part)) is not None and waiting[key]:
                self.partner[part.name] = found = waiting[key].pop(0)
                self.taken[found.name] = part.name
        return len(self.partner) > before

    def by_neighbours(self, *, downward: bool) -> None:
        """Pair parts of one kind whose sources (or targets) are all paired, and with each other, as long as there are."""
        here = {name: name for name in self.partner}
        while self.pair(_beside(self.a, here, downward), _beside(self.b, self.taken, downward)):
            here = {name: name for name in self.partner}


def _named(part: Part) -> Hashable:
    return (part.kind, part.name)


def _shapes(part: Part) -> str:
    return digest((part.kind, part.form))


def _content(part: Part) -> str:
    return digest((part.kind, part.form, tuple(sorted(part.arrays.items(), key=lambda item: item[0]))))


def _placed(labels: dict[str, str], named: bool) -> _Key:
    return lambda part: (labels[part.name], part.name if named else "")


def _labels(graph: Graph, own: Callable[[Part], str]) -> dict[str, str]:
    """By name: digest over a part and everything before and behind it, none of them by name."""
    edges = tuple(Edge(source=w.source, target=w.target) for w in graph.wires if w.source != w.target)
    order = topological_order(tuple(part.name for part in graph.parts), edges)
    mine = {part.name: own(part) for part in graph.parts}
    up, down = dict(mine), dict(mine)
    for name in order:
        up[name] = digest((mine[name], _met((up[w.source], w) for w in graph.wires if w.target == name != w.source)))
    for name in reversed(order):
        down[name] = digest(
            (mine[name], _met((down[w.target], w) for w in graph.wires if w.source == name != w.target))
        )
    return {name: digest((up[name], down[name])) for name in order}


def _met(neighbours: Iterable[tuple[str, Wire]]) -> list[tuple[str, int, int]]:
    return sorted((label, wire.pooling, wire.feature_shift) for label, wire in neighbours)


def _beside(graph: Graph, paired: dict[str, str], downward: bool) -> _Key:
    """Kind and paired neighbours on one side; None where there are none, or one of them is not paired."""
    met: dict[str, set[str | None]] = defaultdict(set)
    for wire in graph.wires:
        end, other = (wire.target, wire.source) if downward else (wire.source, wire.target)
        met[end].add(paired.get(other))

    def key(part: Part) -> Hashable:
        found = met[part.name]
        return None if not found or None in found else (part.kind, frozenset(found))

    return key
