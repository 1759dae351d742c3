"""Two graphs side by side: what only one of them has, what has another name, and what has changed, by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nirdynap.compare.graph import Graph, Part, Plain, Wire
from nirdynap.compare.pairing import pairs_of
from nirdynap.ir.units import shape_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting, or the shape of an array, that is another in `b`; None where it is not there."""

    name: str
    a: Plain
    b: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """An array of the same shape on both sides, with other numbers in it.

    Attributes:
        name: such as "weights".
        different: how many numbers differ, of `size`.
        largest: absolute difference of the two that are furthest apart.
        at: the index of those, the first one in C order; a, b: what they are.
    """

    name: str
    different: int
    size: int
    largest: float
    at: tuple[int, ...]
    a: float
    b: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A node or layer, called `a` and `b`, that is not the same on both sides."""

    a: str
    b: str
    settings: tuple[Setting, ...]
    values: tuple[Values, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A node or layer that the other side does not have."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """One node or layer under two names."""

    a: str
    b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two float networks, or two specs, side by side.

    Attributes:
        settings: what holds for the whole: convention; of specs also chip, camera, input.
        only_a, only_b: nodes or layers that have no counterpart.
        renamed: those that have one of another name.
        wires_only_a, wires_only_b: connections that the other side does not have, in the names of their own side.
        changed: those that have a counterpart and differ from it.
    """

    settings: tuple[Setting, ...]
    only_a: tuple[Named, ...]
    only_b: tuple[Named, ...]
    renamed: tuple[Renamed, ...]
    wires_only_a: tuple[Wire, ...]
    wires_only_b: tuple[Wire, ...]
    changed: tuple[Change, ...]

    @property
    def same(self) -> bool:
        """Is there no difference at all, of names either?"""
        return not (self.renamed or self.differs_beyond_names)

    @property
    def differs_beyond_names(self) -> bool:
        """Is there a difference that renaming would not undo?"""
        found = (self.settings, self.only_a, self.only_b, self.wires_only_a, self.wires_only_b, self.changed)
        return any(found)


def compared(a: Graph, b: Graph) -> Comparison:
    """`a` and `b`, side by side."""
    pairs = pairs_of(a, b)
    names = {before.name: after.name for before, after in pairs}
    wires_a, wires_b = _unmatched_wires(a, b, names)
    return Comparison(
        settings=tuple(_settings(a.settings, b.settings)),
        only_a=_rest(a, set(names)),
        only_b=_rest(b, set(names.values())),
        renamed=tuple(renamed for before, after in pairs for renamed in _renamed(before, after)),
        wires_only_a=wires_a,
        wires_only_b=wires_b,
        changed=tuple(change for before, after in pairs if (change := _change(before, after)) is not None),
    )


def _rest(graph: Graph, paired: set[str]) -> tuple[Named, ...]:
    return tuple(Named(name=p.name, kind=p.kind) for p in graph.parts if p.name not in paired)


def _renamed(a: Part, b: Part) -> Iterator[Renamed]:
    """The user's nodes of a pair that have other names, in the order in which each side has them."""
    old = [name for name in a.nodes if name not in b.nodes]
    new = [name for name in b.nodes if name not in a.nodes]
    if len(old) == len(new):
        yield from (Renamed(a=before, b=after) for before, after in zip(old, new, strict=True))


def _unmatched_wires(a: Graph, b: Graph, names: Mapping[str, str]) -> tuple[tuple[Wire, ...], tuple[Wire, ...]]:
    back = {new: old for old, new in names.items()}
    there = Counter((back.get(w.source), back.get(w.target), w.pooling, w.feature_shift) for w in b.wires)
    here = Counter((w.source, w.target, w.pooling, w.feature_shift) for w in a.wires)
    only_a = _surplus({w: (w.source, w.target, w.pooling, w.feature_shift) for w in a.wires}, here - there)
    only_b = _surplus(
        {w: (back.get(w.source), back.get(w.target), w.pooling, w.feature_shift) for w in b.wires}, there - here
    )
    return only_a, only_b


def _surplus(wires: Mapping[Wire, object], more: Mapping[object, int]) -> tuple[Wire, ...]:
    return tuple(wire for wire, key in wires.items() if more.get(key, 0) > 0)


def _change(a: Part, b: Part) -> Change | None:
    shapes = [{name: _size(array) for name, array in part.arrays.items()} for part in (a, b)]
    settings = (*_nodes(a, b), *_settings(a.settings, b.settings), *_settings(*shapes))
    values = tuple(_values(a, b))
    return Change(a=a.name, b=b.name, settings=settings, values=values) if settings or values else None


def _nodes(a: Part, b: Part) -> Iterator[Setting]:
    """More or fewer of the user's nodes in one layer; as many under other names are told as renamed."""
    if len(a.nodes) != len(b.nodes):
        yield Setting(name="nodes", a=", ".join(a.nodes), b=", ".join(b.nodes))


def _settings(a: Mapping[str, Plain], b: Mapping[str, Plain]) -> Iterator[Setting]:
    for name in dict.fromkeys((*a, *b)):
        if a.get(name) != b.get(name):
            yield Setting(name=name, a=a.get(name), b=b.get(name))


def _size(array: npt.NDArray[np.generic]) -> str:
    return f"{shape_text(array.shape)} numbers"


def _values(a: Part, b: Part) -> Iterator[Values]:
    for name, before in a.arrays.items():
        after = b.arrays.get(name)
        if after is None or after.shape != before.shape:
            continue  # told as a setting
        unequal = before != after
        if unequal.any():
            # What is equal counts as no distance, infinities too.
            distance = np.zeros(before.shape)
            distance[unequal] = np.abs(before[unequal].astype(np.float64) - after[unequal])
            at = tuple(int(i) for i in np.unravel_index(np.argmax(distance), distance.shape))
            yield Values(
                name=name,
                different=int(np.count_nonzero(unequal)),
                size=before.size,
                largest=float(distance[at]),
                at=at,
                a=before[at].item(),
                b=after[at].item(),
            )
