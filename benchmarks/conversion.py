"""How long conversion takes, of networks that fill a Speck 2f: every core full of kernel or neuron words.

    python benchmarks/conversion.py

Writes results/conversion.json: milliseconds, the median of some runs and the slowest, of the whole conversion and of
placement in it, which is the search for a plan and the choice of cores. Prints the lines of docs/placement.md. Nothing
else should run meanwhile.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nir
import numpy as np

import nirdynap
from nirdynap import compile as corridor

RESULTS = Path(__file__).resolve().parent / "results" / "conversion.json"
RUNS = 15
_Layer = tuple[int, int, int, int, int, float]
"""Output channels, kernel, stride, padding, pooling behind it, threshold."""


def nine_layers() -> nir.NIRGraph:
    """A chain of nine layers, none of which is split."""
    sizes = [(16, 2, 1), (16, 1, 1), (16, 1, 2), (32, 1, 1), (32, 1, 2), (64, 1, 1), (64, 1, 2), (16, 1, 1), (64, 1, 1)]
    return _chain((2, 128, 128), [(out, 3, stride, 1, pool, 4.0) for out, stride, pool in sizes])


def split_layers() -> nir.NIRGraph:
    """Five layers, of which three fit no core: one takes three cores, two take two."""
    layers: list[_Layer] = [(48, 3, 1, 1, 2, 4.0), (64, 3, 1, 1, 2, 16.0), (128, 3, 1, 1, 4, 16.0)]
    return _chain((2, 64, 64), [*layers, (32, 2, 1, 0, 1, 16.0), (32, 3, 1, 0, 1, 8.0)])


NETWORKS = {"nine layers on nine cores": nine_layers, "five layers split over nine cores": split_layers}


def _chain(shape: tuple[int, int, int], layers: list[_Layer]) -> nir.NIRGraph:
    rng = np.random.default_rng(9)
    nodes: dict[str, Any] = {"in": nir.Input({"input": np.array(shape)})}
    channels = shape[0]
    for i, (out, kernel, stride, padding, pool, threshold) in enumerate(layers):
        weight = rng.normal(0.1, 1, (out, channels, kernel, kernel)).astype(np.float32)
        nodes[f"conv{i}"] = nir.Conv2d(None, weight, stride, padding, 1, 1, np.zeros(out))
        nodes[f"if{i}"] = nir.IF(np.ones(out), np.full(out, threshold))
        if pool > 1:
            nodes[f"pool{i}"] = nir.SumPool2d(np.full(2, pool), np.full(2, pool), np.zeros(2, dtype=int))
        channels = out
    nodes["out"] = nir.Output({"output": None})
    return nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False)


def converted(graph: nir.NIRGraph) -> nirdynap.Spec:
    """The spec that is timed."""
    return nirdynap.nir_to_dynapcnn(graph, "speck2f", convention="torch", reset="subtract")


def measure(graph: nir.NIRGraph, runs: int = RUNS) -> dict[str, Any]:
    """Milliseconds of some conversions, behind one that is not counted, and how full the cores are."""
    spec = converted(graph)
    whole: list[float] = []
    placing: list[float] = []
    for _ in range(runs):
        parts: list[float] = []
        with _timed("plan_or_findings", parts), _timed("place", parts):
            start = time.perf_counter()
            converted(graph)
            whole.append(1e3 * (time.perf_counter() - start))
        placing.append(sum(parts))
    return {
        "cores": len(spec.cores),
        "full": sum(c.memory.kernel == c.capacity.kernel or c.memory.neuron == c.capacity.neuron for c in spec.cores),
        "conversion_ms": {"median": float(np.median(whole)), "slowest": max(whole)},
        "placement_ms": {"median": float(np.median(placing)), "slowest": max(placing)},
    }


@contextmanager
def _timed(name: str, spent: list[float]) -> Iterator[None]:
    """Milliseconds of each call of that function of the corridor."""
    function: Callable[..., Any] = getattr(corridor, name)

    def timed(*arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        spent.append(1e3 * (time.perf_counter() - start))
        return result

    with patch.object(corridor, name, timed):
        yield


def line(name: str, row: dict[str, Any]) -> str:
    """What docs/placement.md says of a network."""
    whole, part = (
        [f"{ms[key]:.0f}" for key in ("median", "slowest")] for ms in (row["conversion_ms"], row["placement_ms"])
    )
    return f"| {name} | {row['cores']} | {row['full']} | {' / '.join(whole)} | {' / '.join(part)} |"


def main() -> None:
    """Measure, print, write."""
    found = {name: measure(make()) for name, make in NETWORKS.items()}
    for name, row in found.items():
        print(line(name, row))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
