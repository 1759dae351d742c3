"""What calibration gains on recordings that it has not seen: the N-MNIST network of the NIR paper, and the digits.

    python benchmarks/calibration.py

Writes results/calibration.json and prints the table of docs/calibrate.md. The error is that of an event run in integers
against the event run in floats: |n_int - n_float| summed over recordings and the neurons of all layers, by the sum of
n_float. N-MNIST needs the folder `shared/data/nmnist_speck` beside the project, and is left out without it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from workloads import DATA, nmnist_recordings

import nirdynap
from nirdynap.calibrate.float_events import external
from nirdynap.calibrate.network import run_all
from nirdynap.frontend import read
from nirdynap.ir.units import FloatArray
from nirdynap.lower.group import group
from nirdynap.passes import normalise
from nirdynap.shipped import shipped
from nirdynap.sim.stimulus import read_recording
from nirdynap.store.recordings import read_recordings

RESULTS = Path(__file__).resolve().parent / "results" / "calibration.json"
BUDGET_S = 3600  # more than it takes: the results are then the same everywhere
_Workload = tuple[str, Path, str, Sequence[nirdynap.Events], int]
"""Name, network, convention, recordings, and how many of them, from the first on, to calibrate on."""


def workloads() -> Iterator[_Workload]:
    """Those whose data are here."""
    digits = read_recordings(shipped("digits", "digits_test.npz")).samples
    assert isinstance(digits, tuple)
    yield "digits", shipped("digits", "digits.nir"), "auto", digits, 100
    if DATA.is_dir():
        yield "N-MNIST", DATA / "cnn_sinabs.nir", "sinabs", nmnist_recordings(), 30


def float_counts(path: Path, convention: str, samples: Sequence[nirdynap.Events]) -> list[FloatArray]:
    """Of each layer the spikes [recording, neuron] of an event run in floats."""
    network = normalise(read(path, convention))
    layers = group(network)
    stimuli = read_recording(samples, network.input.input_shape, dt_us=1000, duration_us=None)
    spikes = run_all(layers, [external(s, np.empty(0, dtype=np.int64)) for s in stimuli])
    sizes = [math.prod(layer.neuron_shape) for layer in layers]
    return [np.array([np.bincount(s[k].neuron, minlength=n) for s in spikes]) for k, n in enumerate(sizes)]


def errors(spec: nirdynap.Spec, samples: Sequence[nirdynap.Events], wanted: list[FloatArray]) -> list[float]:
    """Of the whole network, and of each layer."""
    result = nirdynap.simulate(spec, samples, "event")
    found = [result.counts[core.core].reshape(len(samples), -1) for core in spec.cores]
    gaps = [float(np.abs(f - w).sum()) for f, w in zip(found, wanted, strict=True)]
    spikes = [float(w.sum()) for w in wanted]
    return [sum(gaps) / sum(spikes), *(g / s for g, s in zip(gaps, spikes, strict=True))]


def measure(workload: _Workload) -> dict[str, Any]:
    """All rules on one workload."""
    name, path, convention, samples, first = workload
    parts = {"calibrated on": samples[:first], "held out": samples[first:]}
    wanted = {part: float_counts(path, convention, some) for part, some in parts.items()}
    rules = {
        "max-abs": "max-abs",
        "threshold-aware": "threshold-aware",
        "calibrated, rounding=False": nirdynap.Calibrate(samples[:first], budget_s=BUDGET_S, rounding=False),
        "calibrated": nirdynap.Calibrate(samples[:first], budget_s=BUDGET_S),
    }
    rows = []
    for rule, discretize in rules.items():
        begin = time.perf_counter()
        spec = nirdynap.nir_to_dynapcnn(path, "speck2f", convention=convention, discretize=discretize)
        seconds = time.perf_counter() - begin
        row = {part: errors(spec, some, wanted[part]) for part, some in parts.items()}
        rows.append(
            {"rule": rule, "seconds": round(seconds, 1), "thresholds": [c.threshold_high for c in spec.cores], **row}
        )
    return {"workload": name, "recordings": {part: len(some) for part, some in parts.items()}, "rules": rows}


def table(results: list[dict[str, Any]]) -> str:
    """For docs/calibrate.md."""
    lines = [
        "| network | rule | error where calibrated | error held out | against max-abs | layers, held out |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        before = result["rules"][0]["held out"][0]
        for row in result["rules"]:
            layers = " ".join(f"{error:.1%}" for error in row["held out"][1:])
            after = row["held out"][0]
            lines.append(
                f"| {result['workload']} | {row['rule']} | {row['calibrated on'][0]:.2%} | {after:.2%} "
                f"| {after / before - 1:+.0%} | {layers} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure, write, print."""
    results = [measure(workload) for workload in workloads()]
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
