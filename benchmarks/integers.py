"""How near the integers of each rule are to the floats: in parameters, and in spikes of the event run.

    python benchmarks/integers.py

Writes results/integers.json and prints the lines of docs/integers.md. Some minutes on one processor. Networks of the
reference data `shared/data` are left out where it is not beside the project.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from generated import CLOCK_US, Case, float_case, generated, uneven_events
from workloads import DATA, nmnist_recordings

import nirdynap
from nirdynap.errors import CompileError
from nirdynap.ir.events import Events
from nirdynap.lower.integers import parameter_error
from nirdynap.shipped import shipped

RESULTS = Path(__file__).resolve().parent / "results" / "integers.json"
RULES = ("max-abs", "threshold-aware")
NETWORKS = 240
EPSILON = 1e-3  # added to both errors of a ratio: a spike in a thousand is no difference
_FILE_READING: dict[str, dict[str, Any]] = {
    "reset_zero": {"reset": "zero"},
    "min_v_mem_none": {"v_min": "none"},
    "sinabs_seq2": {"v_min": "none"},
    "min_v_mem_zero": {"v_min": 0.0},
}
Row = dict[str, Any]


def real_networks() -> Iterator[tuple[str, Case]]:
    """Family, and a network with recordings: the digits, N-MNIST, sinabs' golden cases, public files that convert."""
    data = np.load(shipped("digits", "digits_test.npz"))
    spans = [slice(*data["start"][k : k + 2]) for k in range(100)]
    digits = tuple(Events(**{name: data[name][span] for name in ("t", "c", "y", "x")}) for span in spans)
    yield "real", float_case("digits, 100 recordings", shipped("digits", "digits.nir"), {}, digits)
    if not DATA.is_dir():
        return
    nmnist = tuple(nmnist_recordings())
    yield "real", float_case("N-MNIST, 50 recordings", DATA / "cnn_sinabs.nir", {"convention": "sinabs"}, nmnist)
    for folder in sorted((DATA.parent / "sinabs_golden").iterdir()):
        if folder.is_dir():
            reading = {"convention": "sinabs"} | _FILE_READING.get(folder.name, {})
            events = Events.from_raster(np.load(folder / "expected.npz")["input"].astype(np.int64))
            yield "golden", float_case(folder.name, folder / "model.nir", reading, (events,))
    for path in sorted((DATA.parent / "nir_files").glob("*.nir")):
        try:
            shape = nirdynap.nir_to_dynapcnn(path).input_shape
        except CompileError:
            continue
        events = uneven_events(np.random.default_rng(0), shape, 20 * int(np.prod(shape)))
        yield "golden", float_case(path.stem, path, {}, (events,))


def measure(family: str, case: Case) -> Row:
    """Errors of each rule; null where it refuses the network."""
    fired = sum(int(counts.sum()) for recording in case.counts for counts in recording)
    return {
        "family": family,
        "name": case.name,
        "layers": len(case.layers),
        "spikes": fired,
        "rules": {rule: _errors(case, rule, fired) for rule in RULES},
    }


def _errors(case: Case, rule: Any, fired: int) -> Row | None:
    try:
        spec = nirdynap.nir_to_dynapcnn(case.graph, discretize=rule, **case.reading)
    except CompileError:
        return None
    gap = 0
    result = nirdynap.simulate(spec, case.recordings, "event", bias_clock_us=CLOCK_US, order="breadth", threads=1)
    for sample, wanted in enumerate(case.counts):
        for cores, counts in zip(spec.layers, wanted, strict=True):
            got = np.concatenate([result.counts[core.core][sample] for core in cores])
            gap += int(np.abs(got - counts).sum())
    layers = zip(case.layers, spec.layers, strict=True)
    distances = [_rounded(_distance(layer, cores)) for layer, cores in layers]
    return {"parameters": distances, "spikes": _rounded(gap / max(fired, 1))}


def _rounded(error: float) -> float:
    return float(f"{error:.5g}")


def _distance(layer: Any, cores: Any) -> float:
    weights = np.concatenate([core.weights for core in cores])
    bias = None if cores[0].bias is None else np.concatenate([core.bias for core in cores])
    return parameter_error(layer, weights, cores[0].threshold_high, bias)


def summary(rows: list[Row], rule: str, epsilon: float = EPSILON) -> Row:
    """A rule beside max-abs over the networks that both convert."""
    both = [(row["rules"]["max-abs"], row["rules"][rule]) for row in rows if row["rules"]["max-abs"] is not None]
    logs = [[np.log(e["spikes"] + epsilon) for e in pair] for pair in both]
    distances = [[np.log(np.mean(e["parameters"]) + epsilon) for e in pair] for pair in both]
    return {
        "networks": len(rows),
        "refused by max-abs": len(rows) - len(both),
        "refused": sum(row["rules"][rule] is None for row in rows),
        "farther in a layer": sum(
            any(a < b for a, b in zip(plain["parameters"], found["parameters"], strict=True)) for plain, found in both
        ),
        "fewer": sum(found["spikes"] < plain["spikes"] for plain, found in both),
        "more": sum(found["spikes"] > plain["spikes"] for plain, found in both),
        "spikes of max-abs": float(np.exp(np.mean([plain for plain, _ in logs])) - epsilon),
        "spikes": float(np.exp(np.mean([found for _, found in logs])) - epsilon),
        "ratio": float(np.exp(np.mean([found - plain for plain, found in logs]))),
        "parameter ratio": float(np.exp(np.mean([found - plain for plain, found in distances]))),
    }


def lines(rows: list[Row]) -> Iterator[str]:
    """What docs/integers.md says: all generated networks, kinds of them, and each real one."""
    made = [row for row in rows if row["family"] == "generated"]
    several = [row for row in made if row["layers"] > 1]
    kinds = {
        "generated, all": made,
        "with outliers": [row for row in made if "outliers" in row["name"]],
        "with large biases": [row for row in made if "bias" in row["name"]],
        "of one layer": [row for row in made if row not in several],
        "of two or three": several,
        "real ones, below": [row for row in rows if row not in made],
    }
    yield (
        "| networks | number | max-abs refuses | farther "
        "| spike error: max-abs | threshold-aware | ratio | lower, higher |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for kind, some in kinds.items():
        s = summary(some, "threshold-aware")
        yield (
            f"| {kind} | {s['networks']} | {s['refused by max-abs']} | {s['farther in a layer']} "
            f"| {s['spikes of max-abs']:.2%} | {s['spikes']:.2%} | {s['ratio']:.2f} | {s['fewer']}, {s['more']} |"
        )
    ratios = {epsilon: summary(made, "threshold-aware", epsilon)["ratio"] for epsilon in (EPSILON / 10, 10 * EPSILON)}
    told = ", ".join(f"{ratio:.2f} with {epsilon:.2%}" for epsilon, ratio in ratios.items())
    yield f"The ratio of all generated networks where another share is added: {told}."
    yield "| real network | parameter error: max-abs | threshold-aware | spike error: max-abs | threshold-aware |"
    yield "|---|---|---|---|---|"
    for row in rows:
        if row["family"] != "generated":
            errors = [row["rules"][rule] for rule in RULES]
            cells = [f"{np.mean(e['parameters']):.2%}" for e in errors] + [f"{e['spikes']:.2%}" for e in errors]
            yield f"| {row['name']} | {' | '.join(cells)} |"


def main() -> None:
    """Measure, print, write."""
    rows = [measure(family, case) for family, case in real_networks() if sum(map(np.sum, case.counts[0]))]
    rows += [measure("generated", case) for case in generated(NETWORKS)]
    RESULTS.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
    print("\n".join(lines(rows)))


if __name__ == "__main__":
    main()
