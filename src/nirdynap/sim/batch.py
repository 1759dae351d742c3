"""The samples of a batch, on all cores of the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nirdynap.sim.protocol import Progress

_T = TypeVar("_T")


def each_sample(work: Callable[[int], _T], samples: int, threads: int | None, progress: Progress | None) -> list[_T]:
    """What `work` returns for each sample, in order. A sample is never split, so threads change no result.

    Progress is told in the calling thread. After an exception no further sample is begun.
    """
    workers = min(samples, threads or _cores())
    results: list[_T] = []
    with ThreadPoolExecutor(workers) as pool:
        waiting = map(work, range(samples)) if workers == 1 else pool.map(work, range(samples))
        try:
            for result in waiting:
                results.append(result)
                if progress is not None:
                    progress(len(results), samples)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
