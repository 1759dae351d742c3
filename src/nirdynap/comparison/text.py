"""A difference in words: headings and rows, which plain text and terminal tables both show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nirdynap.comparison.graph import Plain, Wire
from nirdynap.errors import merged

if TYPE_CHECKING:
    from nirdynap.comparison.behaviour import Behaviour
    from nirdynap.comparison.difference import Diff
    from nirdynap.comparison.findings import Comparison, Renamed, Values

NOT_THERE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of what differs in one respect. Headings of numbers end in "#", as those of `cli.screen.table`."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def as_text(found: Diff) -> str:
    """The headline, then a table for each respect in which they differ."""
    lines = [headline(found)]
    for section in sections(found):
        lines += ["", section.title, *_aligned(section)]
    told = tuple(remarks(found))
    return "\n".join((*lines, *([""] if told else []), *told))


def headline(found: Diff) -> str:
    """One line: whether there is a difference, and in what."""
    pair = f"{found.a} and {found.b}"
    if found.same:
        return f"{pair}: no difference"
    levels = {
        "network": found.networks is not None and found.networks.differs_beyond_names,
        "integers and placement": found.specs is not None and found.specs.differs_beyond_names,
        "spikes": found.behaviour is not None and not found.behaviour.same,
    }
    differing = ", ".join(name for name, differs in levels.items() if differs)
    return f"{pair} differ in {differing}" if differing else f"{pair}: the same under other names"


def sections(found: Diff) -> Iterator[Section]:
    """From the whole to the detail, first the float networks, then the specs, then what they do."""
    if found.networks is not None:
        yield from _comparison("network", found.networks, found.networks.renamed)
    if found.specs is not None:
        told = () if found.networks is None else found.networks.renamed
        yield from _comparison("chip", found.specs, tuple(pair for pair in found.specs.renamed if pair not in told))
    if found.behaviour is not None:
        yield from _behaviour(found.behaviour)


def remarks(found: Diff) -> Iterator[str]:
    """Where the spikes part; what was not compared, and why."""
    if found.behaviour is not None and found.behaviour.first_difference is not None:
        yield str(found.behaviour.first_difference)
    if found.specs is None:
        yield "integers are not compared, since not both graphs can be lowered:"
        yield from map(str, merged(found.refused))


def _aligned(section: Section) -> Iterator[str]:
    """Columns as wide as needed: texts to the left, numbers to the right."""
    numbers = [heading.endswith(" #") for heading in section.headings]
    rows = [tuple(heading.removesuffix(" #") for heading in section.headings), *section.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, numbers, strict=True)
        yield "  ".join(cell.rjust(width) if number else cell.ljust(width) for cell, width, number in cells).rstrip()


def _comparison(level: str, found: Comparison, renamed: tuple[Renamed, ...]) -> Iterator[Section]:
    rows = (
        *(("only in a", f"{part.name} ({part.kind})") for part in found.only_a),
        *(("only in b", f"{part.name} ({part.kind})") for part in found.only_b),
        *(("renamed", f"{pair.a} -> {pair.b}") for pair in renamed),
        *(("wire only in a", _wire(wire)) for wire in found.wires_only_a),
        *(("wire only in b", _wire(wire)) for wire in found.wires_only_b),
    )
    yield from _section(f"{level}: structure", ("found", "what"), rows)
    whole = [("all", setting) for setting in found.settings]
    settings = [*whole, *((_both(c.a, c.b), setting) for c in found.changed for setting in c.settings)]
    rows_of_settings = ((place, s.name, _plain(s.a), _plain(s.b)) for place, s in settings)
    yield from _section(f"{level}: settings", ("where", "what", "a", "b"), rows_of_settings)
    values = ((_both(c.a, c.b), *_numbers(v)) for c in found.changed for v in c.values)
    headings = ("where", "what", "differ #", "of #", "by up to #", "at", "a #", "b #")
    yield from _section(f"{level}: values", headings, values)


def _section(title: str, headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[Section]:
    if found := tuple(rows):
        yield Section(title=title, headings=headings, rows=found)


def _behaviour(found: Behaviour) -> Iterator[Section]:
    rows = (
        (
            row.layer,
            *map(str, (row.reference_spikes, row.spikes, row.neurons - row.equal, row.neurons, row.largest_difference)),
        )
        for row in found.layers
    )
    yield from _section("spikes, clocked", ("layer", "a #", "b #", "counts that differ #", "of #", "by up to #"), rows)
    decided = ((name, str(found.samples - n), str(found.samples)) for name, n in found.same_decisions.items())
    yield from _section("decisions", ("output", "differ #", "of #"), decided)


def _both(a: str, b: str) -> str:
    return a if a == b else f"{a} -> {b}"


def _wire(wire: Wire) -> str:
    how = [f"pool {wire.pooling}x{wire.pooling}"] if wire.pooling > 1 else []
    how += [f"channel + {wire.feature_shift}"] if wire.feature_shift else []
    return f"{wire.source} -> {wire.target}" + (f" ({', '.join(how)})" if how else "")


def _numbers(found: Values) -> tuple[str, ...]:
    at = " ".join(map(str, found.at))
    numbers = (_number(found.largest), at, _number(found.a), _number(found.b))
    return (found.name, str(found.different), str(found.size), *numbers)


def _plain(value: Plain) -> str:
    if value is None:
        return NOT_THERE
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    return f"{value:.6g}"
