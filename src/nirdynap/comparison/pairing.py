"""Which part of one graph is which of another: by name where names stay, by place and content where they do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable

from nirdynap.comparison.graph import Graph, Part, Wire
from nirdynap.ir.digest import digest

_Key = Callable[[Part], Hashable]


def pairs_of(a: Graph, b: Graph) -> tuple[tuple[Part, Part], ...]:
    """Parts of `a` with those of `b` that they became, in the order of `a`. A pair is of one kind.

    From the surest sign to the weakest, each for what no surer one has paired: the same name, content and place; the
    same content and place; the same name and a place of the same shapes; a place of the same shapes; the same name;
    the same content; the same neighbours. Place means everything before and behind, so that what was inserted breaks
    it for all, and then names decide before contents do.
    """
    pairing = _Pairing(a, b)
    rounds = max(len(a.parts), len(b.parts))
    content, shapes = ([_labels(graph, own, rounds) for graph in (a, b)] for own in (_content, _shapes))
    for labels, named in ((content, True), (content, False), (shapes, True), (shapes, False)):
        pairing.pair(*(_placed(of, named) for of in labels))
    pairing.pair(_named, _named)
    pairing.pair(_content, _content)
    pairing.by_neighbours(downward=True)
    pairing.by_neighbours(downward=False)
    return tuple((part, pairing.partner[part.name]) for part in a.parts if part.name in pairing.partner)


class _Pairing:
    """The pairs found so far."""

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
        """Pair parts of one kind whose sources (or targets) are pairs, as long as there are any."""
        more = True
        while more:
            here = {name: name for name in self.partner}
            more = self.pair(_beside(self.a, here, downward), _beside(self.b, self.taken, downward))


def _named(part: Part) -> Hashable:
    return (part.kind, part.name)


def _shapes(part: Part) -> str:
    return digest((part.kind, part.form))


def _content(part: Part) -> str:
    return digest((part.kind, part.form, tuple(sorted(part.arrays.items(), key=lambda item: item[0]))))


def _placed(labels: dict[str, str], named: bool) -> _Key:
    return lambda part: (labels[part.name], part.name if named else "")


def _labels(graph: Graph, own: Callable[[Part], str], rounds: int) -> dict[str, str]:
    """By name: digest over a part and all before and behind it, none of them by name.

    Each round looks one wire further. Cycles, which files may have, only go round.
    """
    mine = {part.name: own(part) for part in graph.parts}
    up, down = mine, mine
    for _ in range(rounds):
        up = _further(mine, ((w.target, up.get(w.source, ""), w) for w in graph.wires))
        down = _further(mine, ((w.source, down.get(w.target, ""), w) for w in graph.wires))
    return {name: digest((up[name], down[name])) for name in mine}


def _further(mine: dict[str, str], met: Iterable[tuple[str, str, Wire]]) -> dict[str, str]:
    """Own labels with those `met`: (name, label of a neighbour, the wire between them)."""
    beside: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for name, label, wire in met:
        beside[name].append((label, wire.pooling, wire.feature_shift))
    return {name: digest((label, sorted(beside[name]))) for name, label in mine.items()}


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
