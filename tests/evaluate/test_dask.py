"""A real Dask cluster on this machine, one of whose workers dies in the middle."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small import Here, Unwilling, lives, recordings, small_spec

from nirdynap.evaluate import evaluate

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default")  # of Dask's own processes and sockets

SPEC = small_spec()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_nothing_is_lost_when_a_worker_is_killed(client: Any, tmp_path: Path) -> None:
    samples: list[Any] = recordings(200)
    evaluate(SPEC, samples, Here(), output=tmp_path / "here.parquet")
    immortal = lives(tmp_path / "lives", 0)
    samples = [(Unwilling.of(events, immortal), label) for events, label in samples]  # so that all take their time
    victim = next(iter(client.run(os.getpid).values()))
    killed: list[int] = []

    def kill(done: int, _: int | None) -> None:
        if done >= 40 and not killed:
            killed.append(done)
            os.kill(victim, signal.SIGKILL)

    path = tmp_path / "dask.parquet"
    evaluate(SPEC, samples, client.get_executor(), output=path, group_size=4, in_flight=8, progress=kill)
    assert killed
    assert victim not in client.run(os.getpid).values()
    assert path.read_bytes() == (tmp_path / "here.parquet").read_bytes()


def test_what_failed_is_not_taken_for_done_when_it_is_sent_again(client: Any, tmp_path: Path) -> None:
    samples: list[Any] = recordings(6)
    evaluate(SPEC, samples, Here(), output=tmp_path / "here.parquet")
    samples[3] = (Unwilling.of(samples[3][0], lives(tmp_path / "lives", 3)), samples[3][1])
    evaluate(SPEC, samples, client.get_executor(), output=tmp_path / "dask.parquet", group_size=2)
    assert list((tmp_path / "lives").iterdir()) == []
    assert (tmp_path / "dask.parquet").read_bytes() == (tmp_path / "here.parquet").read_bytes()
