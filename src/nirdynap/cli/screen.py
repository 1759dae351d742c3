"""Plain text and tables for people: nothing is cut off, nothing that a file says is taken for markup."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from nirdynap.errors import Diagnostic, merged
from nirdynap.ir.convention import CONVENTIONS, Convention

# A pipe has no width. Tables take what they need, up to this; longer texts are folded, never cut.
_PIPE_WIDTH = 240
_UNLIMITED = 1 << 20
_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def console(stderr: bool = False) -> Console:
    """Where people read: colours and the window's width on a terminal, plain text elsewhere."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> Table:
    """A table. A heading with "#" at its end marks a column of numbers, one with "..." texts that may be folded."""
    grid = Table(box=box.SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left")
    grid.show_edge, grid.pad_edge, grid.collapse_padding = False, False, True
    cells = [[visible(str(cell)) for cell in row] for row in rows]
    for index, heading in enumerate(headings):
        name = visible(heading.removesuffix("#").removesuffix("...").rstrip())
        justify: JustifyMethod = "right" if heading.endswith("#") else "left"
        in_one_piece = max(map(cell_len, [name, *(row[index] for row in cells)]))
        least = None if heading.endswith("...") else in_one_piece
        grid.add_column(Text(name), justify=justify, overflow="fold", min_width=least)
    for row in cells:
        grid.add_row(*map(Text, row))
    return grid


def needed_width(screen: Console, grid: Table) -> int:
    """Where a window is too narrow for all that is not to be folded, it breaks lines itself, and hides nothing."""
    unlimited = screen.options.update(max_width=_UNLIMITED)
    return max(screen.width, Measurement.get(screen, unlimited, grid).minimum)


def ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers, such as "0-2, 5"; "none" if there are none."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs) or "none"


def visible(text: str) -> str:
    """`text` on one line, with control characters of a terminal spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def lines(findings: Iterable[Diagnostic]) -> list[Text]:
    """Diagnostics, each on one line; those that differ in nothing but their place share one."""
    return [_line(finding) for finding in merged(findings)]


def _line(finding: Diagnostic) -> Text:
    # What is no error says so in front.
    kind = "" if finding.severity == "error" else f"{finding.severity}: "
    text = Text(visible(f"{kind}{finding}"))
    text.stylize(_STYLES[finding.severity], 0, len(kind) + len(finding.code))
    return text


def reading_words(settings: Convention) -> str:
    """A convention, and what was set otherwise: such as "convention sinabs, reset zero, v_min -1"."""
    usual = CONVENTIONS.get(settings.name, Convention(name=settings.name))
    words = [f"convention {settings.name}"]
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value != getattr(usual, field.name):
            text = f"{value:g}" if isinstance(value, float) else str(value)
            words.append("delay drop" if field.name == "drop_delay" else f"{field.name} {text}")
    return ", ".join(words)


def share(part: int, whole: int) -> str:
    """Such as "93.8 %"; nothing is rounded up to 100 %."""
    percent = int(1000 * part / whole) / 10 if whole else 0.0
    return f"{percent:.1f} %"
