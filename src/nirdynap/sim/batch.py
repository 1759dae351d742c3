"""The samples of a batch, on all cores of the machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nirdynap.sim.protocol import Progress

_T = TypeVar("_T")


def each_sample(work: Callable[[int], _T], samples: int, threads: int | None, progress: Progress | None) -> list[_T]:
    """What `work` returns for each sample, in order. A sample is never split, so threads change no result.

    Progress is told in the calling thread. After an exception no further sample is begun.
    """
    workers = min(samples, threads or _cores())
    if workers == 1:
        return _collect(map(work, range(samples)), samples, progress)
    with ThreadPoolExecutor(workers) as pool:
        try:
            return _collect(pool.map(work, range(samples)), samples, progress)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _collect(results: Iterable[_T], samples: int, progress: Progress | None) -> list[_T]:
    collected: list[_T] = []
    for result in results:
        collected.append(result)
        if progress is not None:
            progress(len(collected), samples)
    return collected


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
