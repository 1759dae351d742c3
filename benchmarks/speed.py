"""Speed of the simulator beside sinabs, snnTorch and Norse, in one run.

    python benchmarks/speed.py                    (or make bench) everything; peers are installed into .venv-live/
    python benchmarks/speed.py --python sinabs=PATH/TO/python     for a peer that stands ready
    python benchmarks/speed.py --quick            a minute, into a new folder, with the peers named by --python only

Writes results/speed.json, docs/speed.md and its plots. A peer that is not there is reported as such. Nothing else
should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import costs
from clock import roof
from compare import compare
from fresh_start import starts
from growth import RUNS, WAYS, axes, growth, threads
from page import write
from rivals import RIVALS, Had, have
from workloads import DATA, Workload, gesture, mlp, nmnist

from nirdynap.sim import instruction_set

HERE = Path(__file__).resolve().parent


def machine() -> dict[str, Any]:
    """What it all ran on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": (models or [platform.processor()])[0],
        "instruction_set": instruction_set(),
        "cores": os.cpu_count(),
        "versions": {"Python": platform.python_version(), **{name: version(name) for name in ("numpy", "numba")}},
    }


def measure(works: Sequence[Workload], peers: Sequence[Had], rounds: int, *, quick: bool) -> dict[str, Any]:
    """The whole document."""
    base, top = works[0], roof()
    points = {axis: column[::3] if quick else column for axis, column in axes(base).items()}
    nanoseconds = costs.costs(rounds)
    found: dict[str, Any] = {
        "machine": machine(),
        "roof": top,
        "peers": {had.rival.name: {"versions": had.versions, "missing": had.missing} for had in peers},
        "base": base.name,
        "workloads": [compare(work, batch, peers, rounds, top) for work in works for batch in work.batches],
        "absent": {} if DATA.is_dir() else {"N-MNIST": "its recordings are not beside the project"},
        "growth": {},
        "parts": {
            work.name: costs.parts(work, nanoseconds, top, rounds)
            for work in works
            if work.name in ("N-MNIST", "gesture")
        },
    }
    for axis, column in points.items():
        print(f"growth with {axis} ...", flush=True)
        found["growth"][axis] = growth(column, peers, min(rounds, 3), WAYS if axis == "activity" else RUNS)
    print("threads, first calls ...", flush=True)
    return found | {"threads": threads(base, rounds), "start": starts(base, 3, compile_too=not quick)}


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH", help="a Python that has a peer")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="one round of little")
    options = parser.parse_args()
    pythons = {name: Path(path) for name, _, path in (pair.partition("=") for pair in options.python)}
    if unknown := sorted(set(pythons) - {rival.name for rival in RIVALS}):
        parser.error(f"no such peer: {', '.join(unknown)}")
    works = [nmnist()] if DATA.is_dir() else []
    works += [mlp()] if options.quick else [gesture(), mlp()]
    peers = [have(rival, pythons, install=not options.quick) for rival in RIVALS]
    found = measure(works, peers, 1 if options.quick else options.rounds, quick=options.quick)
    if options.quick:
        folder = Path(tempfile.mkdtemp(prefix="speed-"))
        results, docs = folder, folder
    else:
        results, docs = HERE / "results", HERE.parent / "docs"
    (results / "speed.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write(found, docs)
    print(f"written: {results / 'speed.json'}, {docs / 'speed.md'}")


if __name__ == "__main__":
    main()
