"""Groups of samples -> rows, whatever happens to the workers meanwhile."""

from __future__ import annotations

import dataclasses
import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from nirdynap.errors import NirdynapError
from nirdynap.evaluate.work import Numbered, Row, Work, failed
from nirdynap.evaluate.workers import Workers, lost

ATTEMPTS_TOGETHER = 2
ATTEMPTS_ALONE = 3
_PATIENCE_S = 5.0  # workers that have run before have started and loaded the simulator by then

_LOGGER = logging.getLogger("nirdynap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Samples that go to a worker together.

    Attributes:
        number: of the group within the run.
        samples: to be evaluated.
        rows: of those samples of the group that could not even be read.
        attempts: how often a worker was lost over it.
    """

    number: int
    samples: tuple[Numbered, ...]
    rows: tuple[Row, ...]
    attempts: int = 0

    def with_rows(self, rows: tuple[Row, ...]) -> tuple[int, tuple[Row, ...]]:
        """The number of the group, and the rows of all its samples in their order."""
        return self.number, tuple(sorted((*self.rows, *rows), key=lambda row: row.index))


def check_work(work: Work, workers: Workers) -> None:
    """Let one worker try the options, and show that there are workers.

    What takes long is told here, for what a worker says may be seen by nobody.

    Raises:
        InputError: as `simulate` for options; ND755 if no worker starts.
    """
    try:
        future = workers.submit(work.try_options)
        if not wait([future], timeout=_PATIENCE_S).done:
            _LOGGER.warning("waiting for a worker: it compiles the simulator first, some half a minute, once")
        future.result()
    except NirdynapError:
        raise
    except Exception as error:
        raise lost(error) from error


def run_groups(
    groups: Iterator[Group], work: Work, workers: Workers, in_flight: int
) -> Iterator[tuple[int, tuple[Row, ...]]]:
    """Number and rows of each group, in the order in which they are done. At most `in_flight` groups are in memory.

    A group that a worker is lost over is sent out again. Since in a pool one sample that kills its worker takes the
    work of all others with it, groups lost a second time wait until nothing else is running; then their samples run
    one at a time, and one that even so is lost `ATTEMPTS_ALONE` times is to blame: it gets a row with the reason.

    Raises:
        InputError: ND755 where the caller's executor takes no more work.
    """
    running: dict[Future[tuple[Row, ...]], Group] = {}
    again: deque[Group] = deque()
    suspects: deque[Group] = deque()
    try:
        while True:
            while not suspects and len(running) < in_flight and (group := _next(again, groups)):
                running[workers.submit(work, group.samples, group.attempts)] = group
            if not running and not suspects:
                break
            if not running:
                group = suspects.popleft()
                yield group.with_rows(tuple(_alone(sample, work, workers) for sample in group.samples))
                continue
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                group = running.pop(future)
                attempts = group.attempts + 1
                if not _is_lost(future):
                    yield group.with_rows(future.result())
                elif attempts < ATTEMPTS_TOGETHER:
                    again.append(dataclasses.replace(group, attempts=attempts))
                else:
                    suspects.append(group)
    finally:
        for future in running:
            future.cancel()


def _next(again: deque[Group], groups: Iterator[Group]) -> Group | None:
    return again.popleft() if again else next(groups, None)


def _is_lost(future: Future[tuple[Row, ...]]) -> bool:
    return future.cancelled() or future.exception() is not None


def _alone(numbered: Numbered, work: Work, workers: Workers) -> Row:
    """The row of a sample while nothing else is running."""
    reason = ""
    for attempt in range(ATTEMPTS_ALONE):
        future = workers.submit(work, (numbered,), ATTEMPTS_TOGETHER + attempt)
        try:
            return future.result()[0]
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
    found = f"the worker was lost or failed {ATTEMPTS_ALONE} times with this sample alone, at last with {reason}"
    return failed(numbered.index, numbered.name, numbered.sample.label, found)
