"""A batch is the same list whatever the number of threads; errors and progress come where the caller is."""

from __future__ import annotations

import os
import threading
import time

import pytest

from nirdynap.sim.batch import each_sample


@pytest.mark.parametrize("threads", [1, 2, 5, 9, None])
@pytest.mark.parametrize("samples", [1, 2, 7])
def test_results_come_in_the_order_of_the_samples(samples, threads):
    told, callers = [], set()

    def work(i):
        time.sleep(0.002 * (samples - i))  # the first is ready last
        return i * i

    def progress(done, of):
        told.append((done, of))
        callers.add(threading.current_thread())

    assert each_sample(work, samples, threads, progress) == [i * i for i in range(samples)]
    assert told == [(done, samples) for done in range(1, samples + 1)]
    assert callers == {threading.current_thread()}
    assert each_sample(work, samples, threads, None) == [i * i for i in range(samples)]


def workers(samples, threads, expected):
    """The threads that work, where at least `expected` of them do so at once; they have time to become more."""
    seen, together = set(), threading.Barrier(expected)

    def work(i):
        seen.add(threading.current_thread())
        if i < expected:
            together.wait(timeout=5)
        time.sleep(0.02)

    each_sample(work, samples, threads, None)
    return seen


@pytest.mark.parametrize(
    ("samples", "threads", "cores", "expected"),
    [
        (4, 2, 8, 2),
        (2, 4, 8, 2),
        (4, 4, 1, 4),
        (4, None, 3, 3),
        (2, None, 8, 2),
        (4, 1, 8, 1),
        (4, None, 1, 1),
        (1, 4, 8, 1),
    ],
)
def test_as_many_threads_as_asked_for_or_as_there_are_cores(samples, threads, cores, expected, monkeypatch):
    mine = {0: range(cores)}
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {*mine[process]}, raising=False)
    seen = workers(samples, threads, expected)
    assert len(seen) == expected
    assert (threading.current_thread() in seen) == (expected == 1), "one alone needs no other thread"


@pytest.mark.parametrize("count", [3, None])
def test_systems_that_do_not_say_which_cores_are_free(count, monkeypatch):
    """There `os.cpu_count` says how many there are, or None where that is not known."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert len(workers(4, None, count or 1)) == (count or 1)


@pytest.mark.parametrize("threads", [1, 2])
def test_after_an_error_no_further_sample_is_begun(threads):
    begun = []

    def work(i):
        begun.append(i)
        if i == 0:
            raise ZeroDivisionError(f"sample {i}")
        time.sleep(0.05)

    with pytest.raises(ZeroDivisionError, match="sample 0"):
        each_sample(work, 50, threads, None)
    assert len(begun) == 1 if threads == 1 else len(begun) < 50


@pytest.mark.parametrize("threads", [1, 2])
def test_whoever_watches_can_stop_the_run(threads):
    begun = []

    def work(i):
        begun.append(i)
        time.sleep(0.05)

    def progress(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each_sample(work, 50, threads, progress)
    assert len(begun) == 1 if threads == 1 else len(begun) < 50
