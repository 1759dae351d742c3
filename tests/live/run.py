"""Live models of a framework: graph, file, spec and clocked run, each against the model itself.

Run in the framework's own environment, with the library on the path: ``python tests/live/run.py snntorch``. `make live`
makes the environments and runs them all; the results lie in ``results/``, where test_results.py looks at them.

For each model that is to be reproduced:

1. `to_nir` proves that the graph fires as the model does, every layer, step and neuron, in float64. How often the
   proof fails for a graph with a slightly wrong threshold in one layer is counted.
2. `write`; the framework's own nir reads the file; we read it, and it gives the same network as the graph.
3. `nir_to_dynapcnn` and `simulate` without saturation; the integers are put back into the model (integers.py), which
   must then fire as the chip does, every layer, step and neuron. Where each layer of the framework answers a step
   late, layer k is compared k steps later.

What can't be compared so is listed in expected.py with its reason. For each model that is to be refused, the codes.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import importlib.metadata
import inspect
import json
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
from expected import NOT_COMPARED, NOT_LOWERED
from integers import InexpressibleError, put_back
from sources import source_digests

import nirdynap
from nirdynap.errors import LIVE_DIFFERS, errors_of
from nirdynap.frameworks.export import to_nir
from nirdynap.frameworks.proof import prove
from nirdynap.frameworks.traced import Traced
from nirdynap.ir.convention import CONVENTIONS
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("torch", "jax", "flax", "nir", "nirtorch", "numpy")


class UnequalError(Exception):
    """Something that must be the same is not."""


def run_case(framework: str, name: str, model: Any, sample: IntArray, folder: Path) -> dict[str, Any]:
    """What came of a model that is to be reproduced."""
    graph = to_nir(model, sample, framework)
    mutants = _mutants_seen(framework, model, sample)
    path = folder / f"{name}.nir"
    nirdynap.write(graph, path)
    read = _read_by_nir(path, graph)
    network = nirdynap.read(path)
    if network != nirdynap.read(graph):
        raise UnequalError("the file is another network than the graph")
    proof = graph.metadata["dynapcnn"]["proof"]
    file = hashlib.sha256(path.read_bytes()).hexdigest()
    row = {"name": name, "file": file, "nir": read, **proof, "mutants": mutants}
    try:
        spec = nirdynap.nir_to_dynapcnn(path)
    except nirdynap.CompileError as error:
        codes = _codes(error)
        if codes != NOT_LOWERED.get(framework, {}).get(name):
            raise
        return {**row, "outcome": f"proven; not lowered: {codes}"}
    row |= {"spec": spec.digest(), "chip": spec.chip}
    reason = NOT_COMPARED.get(framework, {}).get(name)
    try:
        put_back(framework, model, spec)
    except InexpressibleError as error:
        if reason is None:
            raise
        return {**row, "outcome": f"proven; integers not compared: {reason} ({error})"}
    live = _traced(framework, model, sample).spikes
    return {**row, **_compared(spec, sample, live), "outcome": "equal"}


def _traced(framework: str, model: Any, sample: IntArray) -> Traced:
    traced: Traced = import_module(f"nirdynap.frameworks.{framework}").trace(model, np.asarray(sample, dtype=np.int64))
    return traced


def _mutants_seen(framework: str, model: Any, sample: IntArray) -> int:
    """In how many layers the proof sees thresholds that are an eighth higher than the model's.

    Not in a layer that fires as often as it can whatever the threshold.
    """
    traced = _traced(framework, model, sample)
    seen = 0
    for name in traced.spikes:
        graph = copy.deepcopy(traced.graph)
        graph.nodes[name].v_threshold = graph.nodes[name].v_threshold * 1.125
        try:
            prove(nirdynap.read(graph), dataclasses.replace(traced, graph=graph), sample)
        except nirdynap.CompileError as error:
            seen += LIVE_DIFFERS.code in _codes(error)
    return seen


def _read_by_nir(path: Path, graph: nir.NIRGraph) -> str:
    """How the framework's own nir reads the file; what it can't read is told from the file and its version."""
    with h5py.File(path) as file:
        wants = file["version"].asstr()[()]
    if _numbers(wants) > _numbers(nir.version):
        return f"not read by nir {nir.version}: the file says reset to zero, which nir knows since {wants}"
    # nir 1.0.6 to 1.0.8 takes valid grouped and oblong convolutions for errors, if it checks types.
    kernels = [(n.groups, n.weight.shape[2:]) for n in graph.nodes.values() if isinstance(n, nir.Conv2d)]
    sound = all(groups == 1 and len(set(kernel)) == 1 for groups, kernel in kernels)
    unchecked = not sound and "type_check" in inspect.signature(nir.read).parameters
    nir.read(path, **({"type_check": False} if unchecked else {}))
    return "read without type checks: it holds grouped or oblong kernels" if unchecked else "read"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])


def _compared(spec: Spec, sample: IntArray, live: Mapping[str, Any]) -> dict[str, int]:
    """How many decisions of the chip and of the model with its integers are the same: all, or it raises."""
    raster = sample if sample.ndim == 5 else sample[..., np.newaxis, np.newaxis]
    result = nirdynap.simulate(spec, raster, record="all", saturate=False)
    late = CONVENTIONS[spec.convention.name].delay
    decisions = spikes = 0
    for depth, core in enumerate((c for c in spec.cores if c.origin), start=1):  # no relays
        (name,) = (name for name in core.origin if name in live)
        chip = result.rasters[core.core]
        model = live[name].reshape(chip.shape)[late * depth :]
        chip = chip[: len(model)]
        if not np.array_equal(chip, model):
            step, *where = (int(i[0]) for i in np.nonzero(chip != model))
            raise UnequalError(
                f"{name}: first in step {step} at {where}, {np.count_nonzero(chip != model)} of {chip.size}"
            )
        decisions, spikes = decisions + chip.size, spikes + int(chip.sum())
    return {"integer_decisions": decisions, "integer_spikes": spikes}


def run_refused(framework: str, name: str, model: Any, sample: IntArray, codes: str) -> dict[str, Any]:
    """What came of a model that is to be refused."""
    try:
        to_nir(model, sample, framework)
    except nirdynap.CompileError as error:
        if _codes(error) != codes:
            raise
        return {"name": name, "outcome": f"refused: {codes}"}
    raise UnequalError(f"not refused, but {codes} was to be said")


def _codes(error: nirdynap.CompileError) -> str:
    return " ".join(sorted({d.code for d in errors_of(error.diagnostics)}))


def main(framework: str) -> int:
    """Run all models of a framework, write the results, and say how many failed."""
    models = import_module(f"models_{framework}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(run_case, (*model, Path(folder))) for model in models.reproduced()]
        jobs += [(run_refused, model) for model in models.refused()]
        for job, (name, *rest) in jobs:
            start = time.perf_counter()
            try:
                row = job(framework, name, *rest)
            except Exception as error:  # one model that fails does not keep the others from running
                row = {"name": name, "outcome": f"FAILED: {type(error).__name__}: {error}"}
            rows.append(row)
            print(f"{framework:13} {name:26} {time.perf_counter() - start:5.1f} s  {row['outcome'][:300]}", flush=True)
    present = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
    versions = {name: importlib.metadata.version(name) for name in (framework, *_PACKAGES) if name in present}
    report = {
        "framework": framework,
        "versions": {"python": platform.python_version(), **versions},
        "sources": source_digests(framework),
        "models": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{framework}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return sum(row["outcome"].startswith("FAILED") for row in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
