"""Memory does not grow with the number of samples."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import SHAPE, Here, expected_row, small_spec, table

from nirdynap.evaluate import evaluate
from nirdynap.ir.events import Events
from nirdynap.sim import simulate

SPEC = small_spec()
MB = 1 << 20


def recording(index: int, size: int) -> tuple[Events, int]:
    rng = np.random.default_rng(index)
    t = np.sort(rng.integers(0, 50_000, size=size))
    c, y, x = (rng.integers(0, n, size=size) for n in SHAPE)
    return Events(t=t, c=c, y=y, x=x), int(rng.integers(3))


def peak(count: int) -> int:
    """Bytes at the most; a recording has 40 kB."""
    tracemalloc.start()
    evaluate(SPEC, (recording(i, 2000) for i in range(count)), Here(), group_size=4, in_flight=2)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_eight_times_the_samples_in_the_same_memory() -> None:
    peak(8)
    assert peak(256) < peak(32) + MB / 2


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_ten_thousand_recordings_on_two_processes(tmp_path: Path) -> None:
    count, path = 10_000, tmp_path / "r.parquet"
    read: list[int] = []
    sizes: dict[int, list[int]] = {}  # resident memory of this process and the largest worker

    class Many:
        def __len__(self) -> int:
            return count

        def __getitem__(self, index: int) -> Any:
            read.append(index)
            return recording(index, 500)

    def watch(done: int, total: int | None) -> None:
        assert total == count
        workers = [resident(child.pid or 0) for child in multiprocessing.active_children()]
        if done % 1000 < 16:
            sizes[done] = [resident(os.getpid()), max(workers, default=0)]
        if 2000 <= done < 2016:
            os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
        if 6000 <= done < 6016 and not stopped:
            stopped.append(done)
            raise KeyboardInterrupt

    stopped: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        evaluate(SPEC, Many(), workers=2, output=path, progress=watch)
    in_parts = 16 * len(list((tmp_path / "r.parquet.parts").glob("0*.parquet")))
    assert in_parts >= 6000
    read.clear()
    summary = evaluate(SPEC, Many(), workers=2, output=path, progress=watch)
    assert len(read) == count - in_parts
    assert (summary.samples, summary.failed) == (count, 0)
    rows = table(path)
    assert [row["index"] for row in rows] == list(range(count))
    for index in range(0, count, 97):
        events, label = recording(index, 500)
        result = simulate(SPEC, events, "event")
        length = 1000 * (int(events.t[-1]) // 1000 + 1)
        assert rows[index] == expected_row(index, str(index), label, result, length)
    for process in (0, 1):
        after = [size[process] for done, size in sizes.items() if done > 6016]
        assert max(after) - after[0] < 8 * MB, sizes


def resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except FileNotFoundError:  # just gone
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
