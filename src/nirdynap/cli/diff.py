"""nirdynap diff: two networks, each a NIR graph or a spec, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from nirdynap.cli.answer import Answer, ExitCode, plain
from nirdynap.cli.options import OnChip, Steps
from nirdynap.cli.screen import table
from nirdynap.errors import NirdynapError

if TYPE_CHECKING:
    from nirdynap.comparison import Diff

_File = "A NIR graph (.nir) or a spec (.h5, .nirdynap, .json)."
A = Annotated[Path, typer.Argument(metavar="A", help=_File)]
B = Annotated[Path, typer.Argument(metavar="B", help=_File)]
Recording = Annotated[
    Path | None,
    typer.Option("--input", metavar="FILE", help="Recordings, as of nirdynap simulate: both are run on them, clocked."),
]


def diff(
    a: A,
    b: B,
    lowering: OnChip,
    steps: Steps,
    input: Recording = None,  # noqa: A002
) -> Answer:
    """What differs between two networks: nodes and wires, parameters, integers and placement, spikes.

    Nodes that have another name only are recognised. A graph beside a spec is lowered for the spec's chip.

    Exit code 0: no difference. 1: there is one. 2: wrong options, or a file that cannot be read or lowered.
    """
    try:
        found = _compared(a, b, lowering, steps, input)
    except NirdynapError as error:
        return Answer(body=None, diagnostics=error.diagnostics, code=ExitCode.USAGE)
    code = ExitCode.DONE if found.same else ExitCode.REFUSED
    return Answer(body=_body(found), tables=tuple(_tables(found)), code=code)


def _compared(a: Path, b: Path, lowering: OnChip, steps: Steps, file: Path | None) -> Diff:
    from nirdynap.comparison import diff as compare

    if file is None:
        return compare(a, b, **steps.given(), **lowering.given())
    from nirdynap.store.recordings import read_recordings

    recordings = read_recordings(file)
    return compare(a, b, recordings.samples, **{**recordings.times, **steps.given(), **lowering.given()})


def _body(found: Diff) -> dict[str, Any]:
    """The difference as schemas/result-v1 says."""
    levels = {"networks": plain(found.networks), "specs": plain(found.specs), "behaviour": None}
    if (behaviour := found.behaviour) is not None:
        first = behaviour.first_difference
        parts = {name: part for name, part in plain(behaviour).items() if name != "first_difference"}
        levels["behaviour"] = {**parts, "first_difference": None if first is None else str(first)}
    return {"a": found.a, "b": found.b, "same": found.same, **levels}


def _tables(found: Diff) -> Iterator[RenderableType]:
    from nirdynap.comparison.text import headline, remarks, sections

    yield headline(found)
    for section in sections(found):
        yield table(section.headings, section.rows, title=section.title)
    yield from remarks(found)
