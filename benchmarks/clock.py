"""Times, and what the machine could do at best."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numba
import numpy as np

_K = TypeVar("_K")
WAKING_S = 0.1
"""As long a run is repeated before times count; what takes longer by itself counts from the second on."""


def seconds(run: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def interleaved(runs: Mapping[_K, Callable[[], object]], rounds: int, times: int = 1) -> dict[_K, float]:
    """Median seconds of each run; rounds alternate between them, since a machine's speed drifts.

    Args:
        runs: what is measured, by name.
        rounds: how often each has its turn; one more comes first and does not count.
        times: how often a run is repeated in its turn, of which the median counts.
    """
    turns = [{name: repeated(run, times) for name, run in runs.items()} for _ in range(rounds + 1)][1:]
    return {name: float(np.median([turn[name] for turn in turns])) for name in runs}


def repeated(run: Callable[[], object], times: int) -> float:
    """Median seconds of some runs, once the processor is awake: it has waited for others, and the first are slower."""
    waking = seconds(run)
    while waking < WAKING_S:
        waking += seconds(run)
    return float(np.median([seconds(run) for _ in range(times)]))


@numba.njit(cache=True)
def _add(a: np.ndarray, b: np.ndarray, times: int) -> None:
    for k in range(times):
        shift = 32 * (k & 1)  # whole cache lines; keeps the compiler from merging rounds
        for i in range(len(a)):
            a[i] += b[i + shift]


def roof() -> float:
    """Additions per second of load, add, store over int16 in the first-level cache."""
    room = np.ones(4096 + 4096 + 64 + 32, dtype=np.int16)
    room = room[-room.ctypes.data % 64 // 2 :]
    a, b = room[:4096], room[4096 : 4096 + 4096 + 32]
    _add(a, b, 1)
    return 4096 * 4000 / min(seconds(lambda: _add(a, b, 4000)) for _ in range(30))
