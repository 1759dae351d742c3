"""What sinabs says of the networks of hard_networks.py, and how many spikes it makes of them.

Run in sinabs' environment, with the library on the path: ``python tests/live/hard_networks_sinabs.py sinabs [FILE]``.
samna is not there, so its stand-in is imported in its place; only sinabs' own code is asked: building the network,
finding cores for it, and its forward pass. What the vendor's validation would say later is not known here. The answers
are kept in ``results/hard_networks.json`` or FILE.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import importlib.metadata
import io
import json
import logging
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from coming_from_sinabs import SAMNA, DynapcnnNetwork, torch  # installs the stand-in before sinabs is imported
from hard_networks import CASES, Case, compared, reference

import sinabs.layers as sl  # isort: skip
import sinabs.nir  # isort: skip
import nir  # isort: skip
from torch import nn  # isort: skip

RESULTS = Path(__file__).parent / "results" / "hard_networks.json"
DEVICE = "speck2fdevkit"
VALIDATE = SAMNA.speck2f.validate_configuration


class Written(nn.Module):
    """The layers of a NIR graph, written in torch and sinabs; several edges into one node are `Merge`."""

    def __init__(self, graph: nir.NIRGraph, **neurons: Any) -> None:
        super().__init__()
        self.order = _ordered(graph)
        self.sources = {name: [a for a, b in graph.edges if b == name] for name in self.order}
        self.ends = [name for name in self.order if isinstance(graph.nodes[name], nir.Output)]
        self.layers = nn.ModuleDict()
        for name in self.order:
            node = graph.nodes[name]
            if not isinstance(node, (nir.Input, nir.Output)):
                self.layers[name] = _layer(node, neurons)
            for k in range(1, len(self.sources[name])):
                self.layers[f"{name}_merge{k}"] = sl.Merge()

    def forward(self, x: torch.Tensor) -> Any:
        values: dict[str, torch.Tensor] = {}
        for name in self.order:
            given = [values[source] for source in self.sources[name]] or [x]
            value = given[0]
            for k, other in enumerate(given[1:], start=1):
                value = self.layers[f"{name}_merge{k}"](value, other)
            values[name] = self.layers[name](value) if name in self.layers else value
        ends = [values[name] for name in self.ends]
        return ends[0] if len(ends) == 1 else tuple(ends)


def _ordered(graph: nir.NIRGraph) -> list[str]:
    order: list[str] = []
    while len(order) < len(graph.nodes):
        order += [n for n in graph.nodes if n not in order and all(a in order for a, b in graph.edges if b == n)]
    return order


def _layer(node: Any, neurons: dict[str, Any]) -> nn.Module:
    if isinstance(node, nir.Conv2d):
        out, per_group, *kernel = node.weight.shape
        padding = node.padding if isinstance(node.padding, str) else tuple(int(p) for p in node.padding)
        sizes = {"stride": _pair(node.stride), "padding": padding, "dilation": _pair(node.dilation)}
        biased = bool(node.bias.any())
        conv = nn.Conv2d(per_group * node.groups, out, tuple(kernel), groups=node.groups, bias=biased, **sizes)
        conv.weight.data = torch.tensor(node.weight).float()
        if biased:
            conv.bias.data = torch.tensor(node.bias).float()
        return conv
    if isinstance(node, nir.IF):
        threshold = float(node.v_threshold)
        return sl.IAFSqueeze(batch_size=1, **{"spike_threshold": threshold, "min_v_mem": -threshold, **neurons})
    if isinstance(node, nir.SumPool2d):
        return sl.SumPool2d(_pair(node.kernel_size))
    if isinstance(node, nir.AvgPool2d):
        return nn.AvgPool2d(_pair(node.kernel_size))
    raise TypeError(type(node))


def _pair(value: Any) -> tuple[int, int]:
    y, x = np.broadcast_to(value, 2)
    return int(y), int(x)


def asked(case: Case) -> dict[str, Any]:
    """What it says: the error, or how many spikes it makes, and how many counts are not those of the float network."""
    neurons = {name: value for name, value in case.model.items() if name == "min_v_mem"}
    raster = torch.tensor(case.raster()).float()
    try:
        model = sinabs.nir.from_nir(case.graph, batch_size=1) if case.way == "nir" else Written(case.graph, **neurons)
        for _ in range(case.model.get("runs", 0)):
            model(raster)
        network = DynapcnnNetwork(model, input_shape=tuple(raster.shape[1:]), discretize=True)
        outputs = _outputs(network(raster))
        written = _written(network, case.model.get("cores"))
    except Exception as error:  # whatever it is, it is the answer
        return {"error": f"{type(error).__name__}: {error}"}
    return {"layers": len(network.dynapcnn_layers), **compared(outputs, reference(case)), "written": written}


def _written(network: Any, cores: list[int] | None) -> str:
    """What the documented classes and our rules find wrong with the configuration that sinabs writes, if anything."""
    said: list[str] = []

    def listen(config: Any) -> tuple[bool, str]:
        said.append(VALIDATE(config)[1])
        return True, ""

    SAMNA.speck2f.validate_configuration = listen
    chosen = "auto" if cores is None else dict(zip(network.dynapcnn_layers, cores, strict=True))
    try:
        network.make_config(layer2core_map=chosen, device=DEVICE)
    except Exception as error:
        if "samna_classes" not in traceback.extract_tb(error.__traceback__)[-1].filename:
            raise
        return str(error)
    return said[0].partition("\n")[0]


def _outputs(answer: Any) -> list[np.ndarray]:
    """Arrays [time, ...] of each output."""
    if isinstance(answer, dict):
        return [array for layer in sorted(answer) for array in _outputs(answer[layer])]
    if isinstance(answer, (list, tuple)):
        return [array for one in answer for array in _outputs(one)]
    return [answer.detach().numpy()]


def answers(case: Case) -> list[dict[str, Any]]:
    """Every answer of many tries, in the order of their text: some imports are a matter of addresses."""
    graphs = [copy.deepcopy(case.graph) for _ in range(40 if case.way == "nir" else 1)]
    found: dict[str, dict[str, Any]] = {}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for graph in graphs:
            answer = asked(dataclasses.replace(case, graph=graph))
            found[json.dumps(answer)] = answer
    return [found[text] for text in sorted(found)]


def main(file: Path) -> int:
    logging.disable()
    versions = {name: importlib.metadata.version(name) for name in ("sinabs", "nir", "nirtorch")}
    document = {"versions": versions, "rows": {case.name: answers(case) for case in CASES}}
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for name, row in document["rows"].items():
        print(f"{name}: {row}")
    return 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # what an import does depends on it
        os.execve(sys.executable, [sys.executable, "-W", "ignore", *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main(Path(sys.argv[2]) if len(sys.argv) > 2 else RESULTS))
