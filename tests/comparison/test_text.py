"""The words, to the letter."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import nir
import numpy as np
import pytest
from commands import write_graph

import nirdynap
from nirdynap import diff

GOLDEN = Path(__file__).parents[1] / "golden" / "diff"


def graphs(folder: Path) -> dict[str, tuple[Path, Path]]:
    old = write_graph(folder / "old.nir")
    graph = nir.read(old)
    graph.nodes["conv"].weight[2, 1, 0, 2] += 0.25
    graph.nodes["pool"] = nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    graph.nodes["if2"] = nir.IF(np.ones(3), np.full(3, 1.5))
    nir.write(folder / "new.nir", graph)
    names = {"conv": "c1", "if1": "n1"}
    nodes = {names.get(name, name): node for name, node in graph.nodes.items() if name != "fc"}
    nodes["classes"] = nir.Affine(graph.nodes["fc"].weight, np.array([0.0, 0.5, 0.0]))
    edges = [
        (names.get(a, a).replace("fc", "classes"), names.get(b, b).replace("fc", "classes")) for a, b in graph.edges
    ]
    nir.write(folder / "other.nir", nir.NIRGraph(nodes=nodes, edges=edges))
    new = folder / "new.nir"
    return {"same": (old, old), "changed": (old, new), "renamed": (new, folder / "other.nir")}


@pytest.mark.parametrize("case", ["same", "changed", "renamed"])
def test_text(case: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    a, b = graphs(tmp_path)[case]
    text = str(diff(a, b)).replace(f"{tmp_path}/", "") + "\n"
    check(case, text, request)


def test_text_of_specs_and_spikes(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    old = write_graph(tmp_path / "old.nir")
    a = nirdynap.nir_to_dynapcnn(old)
    b = nirdynap.nir_to_dynapcnn(old, split={"conv": 2}, spikes_per_step="many")
    raster = np.random.default_rng(1).integers(0, 3, size=(6, 2, 2, 8, 8))
    found = diff(a, b, raster)
    assert found.behaviour is not None
    assert found.behaviour.first_difference is not None
    text = str(found)
    assert text.endswith(str(found.behaviour.first_difference))
    silent = dataclasses.replace(found.behaviour, first_difference=None)
    check("spikes", str(dataclasses.replace(found, behaviour=silent)) + "\n", request)


def test_repr_is_the_first_line(tmp_path: Path) -> None:
    found = diff(*graphs(tmp_path)["changed"])
    assert repr(found) == f"<Diff: {str(found).splitlines()[0]}>"


def check(case: str, text: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"{case}.txt"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
