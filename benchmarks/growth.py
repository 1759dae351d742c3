"""What grows with what: time as one thing of a workload gets larger."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from clock import interleaved, repeated
from compare import Row, ask, open_sessions, operations
from rivals import Had, Session
from workloads import Workload, arrays_of, layers_of, noise

from nirdynap import Events, Spec, simulate
from nirdynap.ir.result import Result
from nirdynap.ir.units import DEFAULT_DT_US
from nirdynap.sim import layout

ACTIVITIES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of what grows, and what is run there."""

    value: float
    spec: Spec
    recordings: tuple[Events, ...]
    dt_us: int = DEFAULT_DT_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One of our series: options of `simulate`, and what the clocked run believes a product of whole frames to cost.

    It takes a step spike by spike or as a whole frame, whichever is cheaper by that.
    """

    options: dict[str, Any] = field(default_factory=dict)
    product_ps: int = layout.PRODUCT_PS

    def seconds(self, run: Callable[..., object], times: int) -> float:
        """Median of some runs, behind one in which the network is laid out."""
        layout.PRODUCT_PS, kept = self.product_ps, layout.PRODUCT_PS
        layout.forget()
        try:
            run(**self.options)
            return repeated(lambda: run(**self.options), times)
        finally:
            layout.PRODUCT_PS = kept
            layout.forget()


RUNS = {"clocked": Way(), "event": Way(options={"semantics": "event"})}
WAYS = {**RUNS, "spike by spike": Way(product_ps=10**9), "whole frames": Way(product_ps=0)}
"""Our two runs, and the two ways of the clocked one by themselves."""


def axes(base: Workload) -> dict[str, list[Point]]:
    """All that grows; `base` is the network for time steps and samples."""
    one, many = base.recordings[:1], base.recordings
    steps = [Point(value=dt, spec=base.spec, recordings=one, dt_us=dt) for dt in (100, 300, 1000, 3000, 10_000)]
    batches = [(many * 4)[:n] for n in (1, 2, 4, 8, 16, 32)]
    return {
        "time step": steps,
        "batch": [Point(value=len(batch), spec=base.spec, recordings=batch) for batch in batches],
        "activity": [Point(value=a, spec=layers_of(1), recordings=(noise(a),)) for a in ACTIVITIES],
        "depth": [Point(value=n, spec=layers_of(n), recordings=(noise(0.1),)) for n in (1, 2, 4, 8)],
    }


def growth(points: Sequence[Point], peers: Sequence[Had], rounds: int, ways: Mapping[str, Way] = RUNS) -> list[Row]:
    """Milliseconds of all recordings of each point together, on one thread, of our runs and each peer."""
    missing: dict[str, str] = {}
    with open_sessions(peers, missing) as sessions, tempfile.TemporaryDirectory() as folder:
        return [_at(p, ways, rounds, sessions, Path(folder) / f"{k}.npz", missing) for k, p in enumerate(points)]


def _at(
    point: Point,
    ways: Mapping[str, Way],
    rounds: int,
    sessions: dict[str, Session],
    path: Path,
    missing: dict[str, str],
) -> Row:
    batch = len(point.recordings)
    last = max(int(recording.t.max()) for recording in point.recordings)
    when = {"dt_us": point.dt_us, "duration_us": (last // point.dt_us + 1) * point.dt_us}

    def run(**options: Any) -> Result:
        return simulate(point.spec, list(point.recordings), **when, threads=1, **options)

    turns = [{name: way.seconds(run, 3) for name, way in ways.items()} for _ in range(rounds)]
    ms = {name: 1e3 * float(np.median([turn[name] for turn in turns])) for name in ways}
    np.savez(path, **arrays_of(point.spec, point.recordings, **when))
    answers = [ask(sessions, path, batch, missing) for _ in range(1 + rounds)][1:]
    for name in sessions:
        if name not in missing:
            ms[name] = 1e3 * float(np.median([answer[name]["seconds"] for answer in answers]))
    return {
        "value": point.value,
        "steps": when["duration_us"] // point.dt_us,
        "operations": {name: operations(run(**way.options)) for name, way in ways.items()},
        "ms": ms,
    }


def threads(base: Workload, rounds: int) -> list[Row]:
    """Milliseconds of 32 recordings on 1, 2, 4, ... threads, up to the cores that this process may use."""
    recordings = list((base.recordings * 32)[:32])

    def run(n: int, semantics: str) -> Callable[[], Result]:
        return lambda: simulate(base.spec, recordings, semantics, threads=n)

    counts = list(_doublings(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
    runs = {(n, semantics): run(n, semantics) for n in counts for semantics in ("clocked", "event")}
    times = interleaved(runs, rounds, 3)
    return [{"value": n, "ms": {s: 1e3 * times[n, s] for s in ("clocked", "event")}} for n in counts]


def _doublings(most: int) -> Iterator[int]:
    n = 1
    while n < most:
        yield n
        n *= 2
    yield most
