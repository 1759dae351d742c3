"""Workers are lost, samples are not."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from small import Deadly, Here, lives, recordings, small_spec, table

from nirdynap.errors import InputError
from nirdynap.evaluate import dispatch, evaluate

SPEC = small_spec()


@pytest.mark.parametrize("deaths", [1, 3, 100])
def test_a_sample_that_kills_its_worker(tmp_path: Path, deaths: int) -> None:
    samples: list[Any] = recordings(40)
    evaluate(SPEC, samples, Here(), output=tmp_path / "whole.parquet")
    samples[13] = (Deadly.of(samples[13][0], lives(tmp_path / "lives", deaths)), samples[13][1])
    summary = evaluate(SPEC, samples, workers=2, output=tmp_path / "r.parquet", group_size=4)
    if deaths < 5:
        assert (tmp_path / "r.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
        return
    rows, whole = table(tmp_path / "r.parquet"), table(tmp_path / "whole.parquet")
    assert rows[13]["error"].startswith(
        "the worker was lost or failed 3 times with this sample alone, at last with Broken"
    )
    assert rows[:13] + rows[14:] == whole[:13] + whole[14:]
    assert (summary.failed, summary.failures[0].index) == (1, 13)


def test_who_waits_long_for_the_first_worker_is_told_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    evaluate(SPEC, recordings(3), Here())
    assert caplog.records == []
    monkeypatch.setattr(dispatch, "_PATIENCE_S", 0.01)
    evaluate(SPEC, recordings(3), workers=1)
    (record,) = caplog.records
    assert record.name == "nirdynap"
    assert "compiles the simulator first" in record.message


class Flaky(Here):
    """Fails every third call, and every call with sample 5."""

    def __init__(self) -> None:
        self.calls = itertools.count()

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        indices = [numbered.index for numbered in arguments[0]] if arguments else []
        if next(self.calls) % 3 == 2 or 5 in indices:
            future: Future[Any] = Future()
            future.set_exception(MemoryError("too much"))
            return future
        return super().submit(fn, *arguments, **named)


def test_whatever_an_executor_loses_is_tried_again_and_the_one_to_blame_is_told(tmp_path: Path) -> None:
    evaluate(SPEC, recordings(20), Flaky(), output=tmp_path / "r.parquet", group_size=2)
    rows = table(tmp_path / "r.parquet")
    assert [row["index"] for row in rows if row["error"]] == [5]
    assert rows[5]["error"].endswith("3 times with this sample alone, at last with MemoryError: too much")


def test_an_executor_that_is_shut_down_is_told_and_what_was_done_stays(tmp_path: Path) -> None:
    executor = ThreadPoolExecutor(1)
    path = tmp_path / "r.parquet"

    def close(done: int, _: int | None) -> None:
        if done >= 4:
            executor.shutdown()

    with pytest.raises(
        InputError, match=r"^ND755 workers lost, at \$.executor: the executor takes no work \(RuntimeError"
    ):
        evaluate(SPEC, recordings(20), executor, output=path, group_size=2, in_flight=1, progress=close)
    assert not path.exists()
    evaluate(SPEC, recordings(20), Here(), output=path, group_size=2)
    assert len(table(path)) == 20


def test_groups_in_memory_are_bounded() -> None:
    read, done, most = 0, 0, 0

    def samples() -> Iterator[Any]:
        nonlocal read, most
        for sample in recordings(50):
            read += 1
            most = max(most, read - done)
            yield sample

    def tell(now: int, _: int | None) -> None:
        nonlocal done
        done = now

    with ThreadPoolExecutor(2) as executor:
        evaluate(SPEC, samples(), executor, group_size=2, in_flight=3, progress=tell)
    assert (read, done, most) == (50, 50, 6)


def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    words = "import nirdynap, small\nnirdynap.evaluate(small.small_spec(), small.recordings(3), workers=1)\n"
    script.write_text(words, encoding="utf-8")
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = done.stderr.splitlines()[-1]
    assert told.startswith(
        "nirdynap.errors.InputError: ND755 workers lost, at $.executor: the executor takes no work (Broken"
    )
    assert told.endswith('a script that makes worker processes needs if __name__ == "__main__":')
