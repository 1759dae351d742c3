"""Two graphs side by side: what only one of them has, what has another name, and what has changed, by how much."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nirdynap.comparison.graph import Graph, Part, Plain, Wire
from nirdynap.comparison.pairing import pairs_of
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
    """Wires between the same ends may be several: each counts."""
    parts = {part.name for part in a.parts}
    names = {**{end: end for w in a.wires for end in (w.source, w.target) if end not in parts}, **names}  # to nowhere
    there = Counter(b.wires)
    here = Counter(_as_in_b(wire, names) for wire in a.wires)
    more, fewer = here - there, there - here
    return (
        tuple(wire for wire in dict.fromkeys(a.wires) if _as_in_b(wire, names) in more),
        tuple(wire for wire in dict.fromkeys(b.wires) if wire in fewer),
    )


def _as_in_b(wire: Wire, names: Mapping[str, str]) -> Wire:
    """The same wire in the names of the other side; where an end has no counterpart, one that the other cannot have."""
    return dataclasses.replace(wire, source=names.get(wire.source, ""), target=names.get(wire.target, ""))


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
        old, new = before.astype(np.float64), after.astype(np.float64)
        unequal = (old != new) & ~(np.isnan(old) & np.isnan(new))
        if unequal.any():
            distance = np.where(unequal, np.inf, 0.0)  # where one of the two is no number
            finite = unequal & np.isfinite(old) & np.isfinite(new)
            distance[finite] = np.abs(old[finite] - new[finite])
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
