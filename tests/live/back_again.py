"""The chip's integers in other frameworks: does what their importers make of our file spike like the spec?

Run in a framework's own environment, with the library on the path: ``python tests/live/back_again.py sinabs``. Each
case goes spec -> `dynapcnn_to_nir` -> `write` -> the framework's own importer; then every layer of neurons is compared
with the clocked run of the spec (without saturation), in every step. Results are kept in ``results/``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from back_again_cases import BATCH, IMPORTED, IN_MEMORY, STEPS, TOLD, Case, cases

import nirdynap
from nirdynap.ir.units import IntArray

RESULTS = Path(__file__).parent / "results"
Spikes = Mapping[str, IntArray]  # per layer of neurons [time, batch, channel, y, x]


def run_sinabs(graph: nir.NIRGraph, raster: IntArray, told: bool) -> Spikes:
    """Spikes of the model that `sinabs.nir.from_nir` builds; `told`: after `_tell`."""
    import sinabs.layers as sl
    import sinabs.nir

    model = sinabs.nir.from_nir(graph, batch_size=BATCH)
    spikes: dict[str, IntArray] = {}
    for name, module in model.named_modules():
        if isinstance(module, sl.IAFSqueeze):
            if told:
                _tell(module, graph.nodes[name].metadata["dynapcnn"])
            module.register_forward_hook(_recorder(spikes, name))
    flat = torch.from_numpy(raster).float().transpose(0, 1).flatten(0, 1)  # sinabs counts batch, then time
    model(flat)
    return {name: s.reshape(BATCH, STEPS, *s.shape[1:]).swapaxes(0, 1) for name, s in spikes.items()}


def _tell(module: Any, settings: Mapping[str, Any]) -> None:
    """What the importer leaves at its own default, set as the file's metadata say."""
    from sinabs.activation import MembraneReset, MembraneSubtract, MultiSpike, SingleSpike

    module.min_v_mem = torch.nn.Parameter(torch.tensor(float(settings["v_min"])), requires_grad=False)
    module.reset_fn = MembraneReset() if settings["reset"] == "zero" else MembraneSubtract()
    module.spike_fn = MultiSpike if settings["spikes_per_step"] == "many" else SingleSpike


def run_spikingjelly(graph: nir.NIRGraph, raster: IntArray, told: bool) -> Spikes:
    """Spikes of the model that SpikingJelly's `import_from_nir` builds, step by step; there is nothing to be told."""
    from spikingjelly.activation_based import nir_exchange

    assert not told
    model = nir_exchange.import_from_nir(graph, dt=1.0, step_mode="s")
    steps: list[dict[str, IntArray]] = []
    for name, module in model.named_modules():
        if type(module).__name__ == "_NIRStatefulModule":
            module.register_forward_hook(lambda m, i, out, name=name: _recorder(steps[-1], name)(m, i, out[0]))
    state = None
    with torch.no_grad():
        for counts in torch.from_numpy(raster).float():
            steps.append({})
            _, state = model(counts, state)
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]}


def _recorder(spikes: dict[str, IntArray], name: str) -> Callable[..., None]:
    def record(module: Any, inputs: Any, output: torch.Tensor) -> None:
        spikes[name] = output.detach().numpy().astype(np.int64)

    return record


FRAMEWORKS: dict[str, Callable[[nir.NIRGraph, IntArray, bool], Spikes]] = {
    "sinabs": run_sinabs,
    "spikingjelly": run_spikingjelly,
}


def compare(case: Case, framework: str) -> dict[str, Any]:
    """What comes of one case: equal spikes counted, or where they differ, or why the framework cannot run it."""
    how = case.frameworks[framework]
    record = {"name": case.name, "spec": case.spec.digest(), "how": how}
    if how not in (IMPORTED, TOLD, IN_MEMORY):
        return record | {"outcome": "not expressible"}
    graph = nirdynap.dynapcnn_to_nir(case.spec)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.nir")
        nirdynap.write(graph, path)
        record["file"] = hashlib.sha256(path.read_bytes()).hexdigest()
        graph = graph if how == IN_MEMORY else nir.read(path)
    found = FRAMEWORKS[framework](graph, case.raster(), how != IMPORTED)
    expected = nirdynap.simulate(case.spec, case.raster(), "clocked", record="all", saturate=False)
    layers = {f"{core.name}_if": expected.rasters[core.core] for core in case.spec.cores}
    if found.keys() != layers.keys():
        return record | {"outcome": f"other layers: {sorted(found)}"}
    wrong = {name: int((found[name].reshape(s.shape) != s).sum()) for name, s in layers.items()}
    different = {name: count for name, count in wrong.items() if count}
    spikes = {name: int(s.sum()) for name, s in layers.items()}
    return record | {"spikes": spikes, "outcome": f"differs: {different}" if different else "equal"}


def main(framework: str) -> None:
    """Run every case and keep the results."""
    versions = {name: importlib.metadata.version(name) for name in (framework, "nir", "nirtorch", "torch")}
    found = [compare(case, framework) for case in cases()]
    RESULTS.mkdir(exist_ok=True)
    document = {"framework": framework, "versions": versions, "cases": found}
    (RESULTS / f"back_again_{framework}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for case in found:
        sys.stdout.write(f"{framework}: {case['name']}: {case['outcome']}\n")
    if any(case["outcome"] not in ("equal", "not expressible") for case in found):
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
