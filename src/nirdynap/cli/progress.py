"""What to look at while a long run runs: on stderr, on a terminal only, gone when it is done."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nirdynap.cli.screen import console


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """Shows `label` while the block runs; the block calls what it gets with (runs done, runs in all or None).

    What the library has to say meanwhile, such as that it compiles, comes above; elsewhere than on a terminal nobody is
    waiting for it.
    """
    if not sys.stderr.isatty():
        with _unheard(logging.getLogger("nirdynap")):
            yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _unheard(logger: logging.Logger) -> Iterator[None]:
    """A logger that nobody listens to would write to stderr itself."""
    nobody = logging.NullHandler()
    logger.addHandler(nobody)
    try:
        yield
    finally:
        logger.removeHandler(nobody)
