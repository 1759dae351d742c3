"""Plain text and tables for people: nothing is cut off, nothing that a file says is taken for markup."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nirdynap.errors import Diagnostic

# A pipe has no width. Tables take what they need, up to this; longer texts are folded, never cut.
_PIPE_WIDTH = 240
_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def console(stderr: bool = False) -> Console:
    """Where people read: colours and the window's width on a terminal, plain text elsewhere."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> Table:
    """A table; columns of numbers, which a heading ending in "#" marks, are set to the right."""
    grid = Table(
        box=box.SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left", show_edge=False, pad_edge=False
    )
    for heading in headings:
        justify = "right" if heading.endswith("#") else "left"
        grid.add_column(Text(heading.removesuffix("#").rstrip()), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        grid.add_row(*(Text(visible(str(cell))) for cell in row))
    return grid


def visible(text: str) -> str:
    """`text` on one line, with control characters of a terminal spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def line(finding: Diagnostic) -> Text:
    """A diagnostic on one line; what is no error says so in front."""
    kind = "" if finding.severity == "error" else f"{finding.severity}: "
    text = Text(visible(f"{kind}{finding}"))
    text.stylize(_STYLES[finding.severity], 0, len(kind) + len(finding.code))
    return text


def sizes(shape: Iterable[int]) -> str:
    """Such as "2x34x34"."""
    return "x".join(str(n) for n in shape)


def share(part: int, whole: int) -> str:
    """Such as "93.8 %"; nothing is rounded up to 100 %."""
    percent = int(1000 * part / whole) / 10 if whole else 0.0
    return f"{percent:.1f} %"
