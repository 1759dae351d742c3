"""Speed of the simulator beside sinabs, in one run: rounds alternate between the two, and ratios are of one round.

    python benchmarks/speed.py --sinabs PATH/TO/python     (a Python that has sinabs; see peer_sinabs.py)

Everything runs on one thread, with a filled compile cache. Writes results/speed.json and the table in docs/speed.md.
A peer that is not there is reported as such.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from workloads import arrays_of, gesture, layers_of, nmnist, noise

from nirdynap import simulate
from nirdynap.ir.events import Events
from nirdynap.ir.result import Result
from nirdynap.sim import instruction_set

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "speed.md"
WHICH = """
Which code runs, chosen by the structure of the network and by the processor (`nirdynap.sim.instruction_set()`):

* Clocked: the vector kernels run every network. Cost follows spikes; a step whose sums might leave int16 is taken in
  int64, exact and slower. A sample whose sums leave int32, or int16 where nothing is to be saturated, is run again by
  the plain kernels. There is no dense path for very busy layers.
* Event: the vector kernels run networks in which every core listens to one source. Where branches meet, and on
  processors without AVX2, the plain kernels run, some ten times slower.
"""
START = """
import time; begin = time.perf_counter()
import numpy as np
from nirdynap.sim import simulate
from nirdynap.testing.build import build_core, build_spec
simulate(build_spec(build_core(0, [[[[5]]]], (1, 1, 1))), np.ones((1, 1, 1, 1)), {semantics!r})
print(time.perf_counter() - begin)
"""


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


def seconds(run: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def operations(result: Result) -> int:
    """Synaptic operations of a run."""
    return sum(stats.synaptic_operations for stats in result.stats.values())


class Peer:
    """sinabs in a process of its own; `versions` is None if there is none."""

    def __init__(self, python: str | None) -> None:
        self.versions: dict[str, str] | None = None
        if python is not None:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            command = [python, str(HERE / "peer_sinabs.py")]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
            self.versions = self._answer()

    def run(self, path: Path, batch: int) -> dict[str, float]:
        """One run of a workload."""
        assert self._process.stdin is not None
        print(path, batch, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def side_by_side(
    name: str, workload: tuple[Any, Any], batch: int, rounds: int, peer: Peer, top: float
) -> dict[str, Any]:
    """One workload at one batch size: milliseconds per sample, ratios, operations per second."""
    spec, events = workload
    ours: dict[str, list[float]] = {"clocked": [], "event": []}
    theirs: list[dict[str, float]] = []
    results = {semantics: simulate(spec, [events] * batch, semantics, threads=1) for semantics in ours}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workload.npz"
        np.savez(path, **arrays_of(spec, events))
        for _ in range(rounds):
            for semantics, times in ours.items():
                run = lambda s=semantics: simulate(spec, [events] * batch, s, threads=1)  # noqa: E731
                times.append(float(np.median([seconds(run) for _ in range(9)])))
            theirs += [peer.run(path, batch)] if peer.versions else []
    table: dict[str, Any] = {"workload": name, "batch": batch, "events": len(events), "rounds": rounds}
    for semantics, times in ours.items():
        rate = operations(results[semantics]) / float(np.median(times))
        row = {"ms": 1e3 * float(np.median(times)) / batch, "operations_per_s": rate, "of_roof": rate / top}
        if theirs:
            row["ratio"] = float(np.median([t["seconds"] / o for t, o in zip(theirs, times, strict=True)]))
        table[semantics] = {"operations": operations(results[semantics]) // batch, **row}
    if theirs:
        unsaturated = simulate(spec, events, saturate=False)
        table["sinabs"] = {
            "ms": 1e3 * float(np.median([t["seconds"] for t in theirs])) / batch,
            "same_output_spikes": theirs[0]["spikes"] == batch * int(np.sum(unsaturated.raster)),
            "peak_bytes": max(t["peak_bytes"] for t in theirs),
        }
    return table


def growth() -> dict[str, dict[str, dict[str, float]]]:
    """Milliseconds as one thing grows: time steps, samples (per sample), activity and depth."""
    spec, events = nmnist()
    runs: dict[str, dict[str, tuple[Any, Any, int]]] = {
        "time step in us": {str(dt): (spec, events, dt) for dt in (100, 300, 1000, 3000, 10_000)},
        "samples": {str(n): (spec, [events] * n, 1000) for n in (1, 2, 8, 32)},
        "activity": {
            f"{a:.0%}": (layers_of(1), Events.from_raster(noise(a)), 1000) for a in (0.01, 0.03, 0.1, 0.2, 0.3, 0.5)
        },
        "layers": {str(n): (layers_of(n), Events.from_raster(noise(0.1)), 1000) for n in (1, 2, 4, 8)},
    }
    table: dict[str, dict[str, dict[str, float]]] = {}
    for name, column in runs.items():
        table[name] = {}
        for value, (network, recording, dt_us) in column.items():
            per = len(recording) if name == "samples" else 1
            table[name][value] = {}
            for semantics in ("clocked", "event"):
                run = lambda: simulate(network, recording, semantics, dt_us=dt_us, threads=1)  # noqa: B023, E731
                result = run()
                median = float(np.median([seconds(run) for _ in range(9)]))
                table[name][value][semantics] = 1e3 * median / per
                table[name][value][f"{semantics} ns per operation"] = 1e9 * median / max(operations(result), 1)
    return table


def first_call(semantics: str) -> float:
    """Seconds from the start of an import to a first result in a fresh process, with a filled cache."""
    command = [sys.executable, "-c", START.format(semantics=semantics)]
    return min(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3))


def page(found: dict[str, Any]) -> str:
    """docs/speed.md."""
    peer = found["sinabs"] or "not installed: no comparison"
    start, top, peak = found["first_call"], found["roof"] / 1e9, found["peak_bytes"] / 2**20
    lines = [
        "# Speed",
        "",
        "Written by `benchmarks/speed.py`: medians of alternating rounds, one thread, compile cache filled. Both runs",
        "are exact to the bit (see [semantics.md](semantics.md)); the times include reading the events and the result.",
        "",
        f"* Instructions: {found['instruction_set']}. Peer: {peer}.",
        f"* Roof: {top:.0f} G/s, load, add and store over int16 in the first-level cache, measured in the same run.",
        f"* First call in a fresh process: clocked {start['clocked']:.2f} s, event {start['event']:.2f} s.",
        f"* Peak memory of the process that ran ours: {peak:.0f} MiB.",
        "",
        "| network | batch | run | ms per sample | times faster than sinabs | synaptic operations | G/s | of roof |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for table in found["side_by_side"]:
        for semantics in ("clocked", "event"):
            row = table[semantics]
            ratio = f"{row['ratio']:.0f}" if "ratio" in row else "-"
            lines.append(
                f"| {table['workload']} | {table['batch']} | {semantics} | {row['ms']:.2f} | {ratio} "
                f"| {row['operations'] / 1e6:.1f} M | {row['operations_per_s'] / 1e9:.1f} | {row['of_roof']:.0%} |"
            )
        if "sinabs" in table:
            lines.append(f"| {table['workload']} | {table['batch']} | sinabs | {table['sinabs']['ms']:.1f} | 1 | | | |")
    for name, column in found["growth"].items():
        lines += [
            "",
            f"Growth with {name}:",
            "",
            f"| {name} | clocked ms | event ms | clocked ns per operation |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {value} | {row['clocked']:.2f} | {row['event']:.2f} | {row['clocked ns per operation']:.2f} |"
            for value, row in column.items()
        ]
    return "\n".join(lines) + WHICH


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sinabs", help="a Python that has sinabs")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    peer, top = Peer(options.sinabs), roof()
    runs = [("N-MNIST", nmnist(), 1), ("N-MNIST", nmnist(), 8), ("gesture", gesture(), 1)]
    found = {
        "instruction_set": instruction_set(),
        "sinabs": peer.versions and ", ".join(f"{name} {version}" for name, version in peer.versions.items()),
        "roof": top,
        "side_by_side": [side_by_side(*run, options.rounds, peer, top) for run in runs],
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "growth": growth(),
        "first_call": {semantics: first_call(semantics) for semantics in ("clocked", "event")},
    }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "speed.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(found), encoding="utf-8")
    print(page(found))


if __name__ == "__main__":
    main()
