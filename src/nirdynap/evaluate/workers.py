"""Where the work is done: processes of this machine, or an executor that the caller brings."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import TracebackType
from typing import Any, TypeVar, final

from nirdynap.errors import WORKERS_LOST, InputError

_T = TypeVar("_T")
_GROUPS_PER_WORKER = 2  # one at work, one waiting
_UNKNOWN_WORKERS = 16  # of an executor that does not say how many it has


@final
class Workers:
    """Takes calls while it is open. Processes of its own are replaced when they break.

    Args:
        executor: of the caller, who also shuts it down; None: processes of this machine.
        count: processes; default: one for each processor that this process may use.
    """

    def __init__(self, executor: Executor | None, count: int | None) -> None:
        self._given = executor
        self._count = count or _processors()
        self._executor = executor or self._fresh()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._given is None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    @property
    def in_flight(self) -> int:
        """Calls that keep all workers busy."""
        return _GROUPS_PER_WORKER * (self._count if self._given is None else _UNKNOWN_WORKERS)

    def submit(self, call: Callable[..., _T], *arguments: Any) -> Future[_T]:
        """The future result of a call.

        Raises:
            InputError: ND755 where the caller's executor takes no more.
        """
        if self._given is not None:
            try:
                return self._given.submit(call, *arguments)
            except Exception as error:  # broken, shut down, cut off: each executor has its own
                raise lost(error) from error
        with _interrupts_held_back():
            try:
                return self._executor.submit(call, *arguments)
            except BrokenExecutor:
                self._executor.shutdown(wait=False)
                self._executor = self._fresh()
                return self._executor.submit(call, *arguments)

    def _fresh(self) -> ProcessPoolExecutor:
        # Not forked: numba, torch and pyarrow have threads, of which a fork takes locked locks along.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._count, mp_context=context, initializer=_begin)


def lost(error: BaseException) -> InputError:
    """No worker is left, or none starts."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return InputError([WORKERS_LOST.at("$.executor", value=f"the executor takes no work ({reason})")])


def _begin() -> None:
    """A worker says nothing: what is to be told, the first process tells.

    Ctrl-C reaches all processes of a terminal; workers end at once, the first one deals with it.
    """
    logging.getLogger("nirdynap").addHandler(logging.NullHandler())
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Processes that start in this block are not interrupted before `_begin` has its turn."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it starts with the first process, and would lift what is held back
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
