"""A small network, recordings of it, what the oracle says of them, and recordings that kill whoever takes them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from nirdynap.ir.events import Events
from nirdynap.ir.result import Result
from nirdynap.ir.spec import Destination, Spec
from nirdynap.ir.units import Shape
from nirdynap.testing.build import build_core, build_spec

SHAPE = (2, 5, 5)


def small_spec(seed: int = 0) -> Spec:
    """Two cores with pooling between, whose remainder row and column are dropped, and three output neurons."""
    rng = np.random.default_rng(seed)
    first = build_core(
        0,
        rng.integers(-3, 9, size=(3, 2, 1, 1)),
        SHAPE,
        threshold_high=5,
        destinations=[Destination(core=1, pooling=2)],
    )
    return build_spec(first, build_core(1, rng.integers(-4, 9, size=(3, 3, 2, 2)), (3, 2, 2), threshold_high=6))


def recordings(count: int, seed: int = 1, size: int = 40) -> list[tuple[Events, int]]:
    """Random recordings of up to 9 ms, with labels; one in ten has no event."""
    rng = np.random.default_rng(seed)
    return [(_events(rng, 0 if i % 10 == 9 else size), int(rng.integers(3))) for i in range(count)]


def _events(rng: np.random.Generator, size: int) -> Events:
    t = np.sort(rng.integers(0, 9_000, size=size))
    c, y, x = (rng.integers(0, n, size=size) for n in SHAPE)
    return Events(t=t, c=c, y=y, x=x)


def table(path: Path) -> list[dict[str, Any]]:
    """The rows of a result."""
    rows: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
    return rows


def expected_row(index: int, name: str, label: int | None, result: Result, duration_us: int) -> dict[str, Any]:
    """The row that a result of one sample should become."""
    (port,) = result.spec.outputs
    row = {"index": index, "name": name, "label": label, "error": None, "duration_us": duration_us}
    row |= {"decision": int(result.decision[0]), "counts": result.counts[port.core].ravel().tolist()}
    for core, stats in result.stats.items():
        row |= {f"core{core}.{name}": getattr(stats, name) for name in ("spikes", "synaptic_operations")}
        row |= {f"core{core}.saturated": stats.saturated, f"core{core}.dropped": stats.dropped}
    return row


class Here(Executor):
    """Runs each call at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class Counted:
    """A data set that knows which of its samples were read."""

    def __init__(self, samples: list[Any]) -> None:
        self.samples, self.read = samples, []

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:
        self.read.append(index)
        return self.samples[index]


class _Special(Events):
    """Events with a folder of files, one of which is used up each time that something happens."""

    __slots__ = ("_lives",)

    @classmethod
    def of(cls, events: Events, lives: Path) -> _Special:
        special = cls(t=events.t, c=events.c, y=events.y, x=events.x)
        object.__setattr__(special, "_lives", lives)
        return special

    def __reduce__(self) -> tuple[Callable[..., Events], tuple[Any, ...]]:
        return _arrive, (type(self), self._lives, os.getpid(), self.t, self.c, self.y, self.x)


class Unwilling(_Special):
    """They take some time to run, and end in an error that many times."""

    __slots__ = ()

    def check_inside(self, shape: Shape) -> None:
        time.sleep(0.005)
        if _dies(self._lives):
            raise RuntimeError("not today")
        Events.check_inside(self, shape)


class Deadly(_Special):
    """They end the process that receives them that many times."""

    __slots__ = ()


def _arrive(kind: type[_Special], lives: Path, sender: int, t: Any, c: Any, y: Any, x: Any) -> Events:
    if kind is Deadly and os.getpid() != sender and _dies(lives):
        os._exit(1)
    return kind.of(Events(t=t, c=c, y=y, x=x), lives)


def _dies(lives: Path) -> bool:
    for life in lives.iterdir():
        life.unlink()
        return True
    return False


def lives(folder: Path, count: int) -> Path:
    """A folder of that many files."""
    folder.mkdir()
    for number in range(count):
        (folder / str(number)).touch()
    return folder
