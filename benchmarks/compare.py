"""One workload, ours beside the peers: rounds alternate between all of them, and ratios are of one round."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from clock import repeated
from fresh_start import fresh_start
from rivals import Had, RivalError, Session, start
from workloads import Workload, arrays_of

from nirdynap import Spec, simulate
from nirdynap.ir.result import Result

Row = dict[str, Any]
"""A part of the document that becomes results/speed.json."""
RUNS = ("clocked", "event")


def operations(result: Result) -> int:
    """Synaptic operations of a run."""
    return sum(stats.synaptic_operations for stats in result.stats.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """What was measured.

    Attributes:
        ours: seconds in each round of our runs, by "clocked", "event", and each peer's name: its twin.
        answers: of each peer, in each round.
        first: each peer's first answer, of the round that warms up; its peak of memory is that of one run.
        missing: which peer is not among them, and why.
    """

    ours: dict[str, list[float]] = field(default_factory=dict)
    answers: dict[str, list[Row]] = field(default_factory=dict)
    first: dict[str, Row] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def open_sessions(peers: Sequence[Had], missing: dict[str, str]) -> Iterator[dict[str, Session]]:
    """A fresh process of each peer; `missing` gets the names of those that do not start, and why."""
    with contextlib.ExitStack() as stack:
        sessions = {}
        for had in peers:
            try:
                if had.python is None:
                    raise RivalError(had.missing)
                sessions[had.rival.name] = stack.enter_context(start(had.rival, had.python))
            except RivalError as error:
                missing[had.rival.name] = str(error)
        yield sessions


def ask(sessions: dict[str, Session], path: Path, batch: int, missing: dict[str, str]) -> dict[str, Row]:
    """One run of each peer that is not missing; who breaks down is from then on."""
    answers = {}
    for name, session in sessions.items():
        if name not in missing:
            try:
                answers[name] = session.run(path, batch) | {"ready_bytes": session.ready_bytes}
            except RivalError as error:
                missing[name] = str(error)
    return answers


def race(
    work: Workload, batch: int, peers: Sequence[Had], rounds: int, runs: Mapping[str, Callable[[], Result]]
) -> Race:
    """All runs and all peers in turn."""
    found = Race(ours={name: [] for name in runs})
    with tempfile.TemporaryDirectory() as folder, open_sessions(peers, found.missing) as sessions:
        path = Path(folder) / "workload.npz"
        np.savez(path, **arrays_of(work.spec, work.recordings[:batch], duration_us=work.duration_us()))
        found.first.update(ask(sessions, path, batch, found.missing))
        for _ in range(rounds):
            for name, run in runs.items():
                found.ours[name].append(repeated(run, 9))
            for name, answer in ask(sessions, path, batch, found.missing).items():
                found.answers.setdefault(name, []).append(answer)
    return found


def compare(work: Workload, batch: int, peers: Sequence[Had], rounds: int, top: float) -> Row:
    """Milliseconds for a recording, ratios, rates, memory; all on one thread."""
    print(f"{work.name}, batch {batch} ...", flush=True)
    recordings, duration = list(work.recordings[:batch]), work.duration_us()

    def run(spec: Spec, **options: Any) -> Callable[[], Result]:
        return lambda: simulate(spec, recordings, duration_us=duration, threads=1, **options)

    twins = {had.rival.name: (had.rival.twin(work.spec), had.rival.options) for had in peers}
    runs = {semantics: run(work.spec, semantics=semantics) for semantics in RUNS}
    results = {name: first() for name, first in runs.items()}
    runs |= {name: run(spec, **options) for name, (spec, options) in twins.items()}
    found = race(work, batch, peers, rounds, runs)
    rows: dict[str, Row] = {}
    for name, (spec, options) in twins.items():
        if name in found.missing:
            rows[name] = {"missing": found.missing[name]}
        else:
            exact = run(spec, saturate=False, **options)()
            rows[name] = _their_row(found, name, batch) | _same(exact, found.first[name]["spikes"])
    return {
        "workload": work.name,
        "about": work.about,
        "batch": batch,
        "steps": duration // 1000,
        "events": sum(map(len, recordings)) // batch,
        "ours": {name: _our_row(work, name, batch, found.ours[name], results[name], top) for name in RUNS},
        "peers": rows,
    }


def _our_row(work: Workload, semantics: str, batch: int, times: list[float], result: Result, top: float) -> Row:
    rate = operations(result) / float(np.median(times))
    fresh_start(work, batch, semantics)  # a kernel that is compiled now takes more memory than all that follows
    fresh = fresh_start(work, batch, semantics)
    return {
        "ms": 1e3 * float(np.median(times)) / batch,
        "operations": operations(result) // batch,
        "operations_per_s": rate,
        "of_roof": rate / top,
        **{name: fresh[name] for name in ("ready_bytes", "peak_bytes")},
    }


def _their_row(found: Race, name: str, batch: int) -> Row:
    times = [answer["seconds"] for answer in found.answers[name]]
    return {
        "ms": 1e3 * float(np.median(times)) / batch,
        "twin_ms": 1e3 * float(np.median(found.ours[name])) / batch,
        "clocked_faster": float(np.median(np.divide(times, found.ours[name]))),
        "event_faster": float(np.median(np.divide(times, found.ours["event"]))),
        **{key: found.first[name][key] for key in ("ready_bytes", "peak_bytes")},
    }


def _same(result: Result, spikes: list[list[int]]) -> Row:
    """Are the counts of each output neuron those of the peer?"""
    ours = result.raster.sum(axis=0).reshape(len(spikes), -1)
    return {"spikes": int(np.sum(spikes)), "same_spikes": bool(np.array_equal(ours, spikes))}
