"""What to look at while a long run runs: on a terminal, on stderr, and gone when it is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nirdynap.cli.screen import console


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """Shows `label` while the block runs; the block calls what it gets with (runs done, runs in all or None).

    What the library has to say meanwhile, such as that it compiles, comes above. A log gets that alone: there, half a
    minute of silence would be taken for a hang as well.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
