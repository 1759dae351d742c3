"""nirdynap show."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import pytest
from commands import ask, codes, run

import nirdynap


@pytest.fixture(scope="module")
def spec_file(net: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "net.spec.h5"
    nirdynap.save(nirdynap.nir_to_dynapcnn(net), path)
    return path


def test_a_network(net: Path) -> None:
    document = ask("show", net)
    body = document["body"]
    network = nirdynap.read(net)
    assert body["version"] == nir.version
    assert [node["name"] for node in body["nodes"]] == [node.name for node in network.nodes]
    nodes = {node["name"]: node for node in body["nodes"]}
    conv = nodes["conv"]
    assert (conv["type"], conv["input_shape"], conv["output_shape"]) == ("Conv2d", [2, 8, 8], [4, 8, 8])
    assert conv["parameters"] == 4 * 2 * 3 * 3 + 4
    assert conv["settings"].items() >= {"kernel": "3x3", "stride": "1x1", "padding": "1x1", "bias": "0"}.items()
    assert nodes["if1"]["settings"].items() >= {"threshold": "1", "reset": "zero", "tie": "fires"}.items()
    assert nodes["pool"]["settings"] == {"kind": "sum", "size": "2x2"}
    assert {"source": "conv", "target": "if1", "feature_shift": 0} in body["edges"]
    assert len(body["edges"]) == len(network.edges)
    assert body["settings"]["reset"] == "file"
    assert "ND124" in codes(document), "what is ambiguous"


def test_options_of_reading(net: Path) -> None:
    document = ask("show", net, "--convention", "sinabs", "--tie", "waits")
    assert {finding["severity"] for finding in document["diagnostics"]} <= {"warning", "note"}
    assert document["body"]["settings"]["v_min"] == "-threshold"
    assert next(n for n in document["body"]["nodes"] if n["name"] == "if1")["settings"]["tie"] == "waits"


def test_a_network_for_people(net: Path) -> None:
    result = run("show", net)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert f"written by nir {nir.version}" in lines[0]
    row = next(line.split() for line in lines if line.startswith("pool"))
    assert row[:5] == ["pool", "SumPool2d", "if1", "4x8x8", "4x4x4"]


def test_a_refused_network_is_shown_as_the_file_has_it(tmp_path: Path) -> None:
    path = tmp_path / "leaky.nir"
    one = np.ones(2)
    inner = nir.NIRGraph.from_list(
        nir.Input({"input": np.array([2])}), nir.Affine(np.eye(2), one), nir.Output({"output": np.array([2])})
    )
    nodes = {
        "input": nir.Input({"input": np.array([2])}),
        "block": inner,
        "lif": nir.LIF(tau=one, r=one, v_leak=one, v_threshold=one),
        "output": nir.Output({"output": np.array([2])}),
    }
    order = list(nodes)
    nir.write(path, nir.NIRGraph(nodes=nodes, edges=list(pairwise(order))))
    document = ask("show", path, code=1)
    assert codes(document) == ["ND131"]
    shown = {node["name"]: node for node in document["body"]["nodes"]}
    assert shown["lif"]["type"] == "LIF"
    assert shown["lif"]["settings"]["tau"] == "1 [2]"
    assert shown["lif"]["input_shape"] is None
    assert any(node["type"] == "Affine" and node["parameters"] == 6 for node in shown.values()), "nested ones, too"
    result = run("show", path)
    assert result.exit_code == 1
    assert "LIF" in result.stdout
    assert result.stderr.startswith("ND131 time step unknown, at $.nodes.lif: ")


def test_a_spec(spec_file: Path) -> None:
    spec = nirdynap.load(spec_file)
    document = ask("show", spec_file)
    body = document["body"]
    assert (body["kind"], body["digest"], body["weights_digest"]) == ("spec", spec.digest(), spec.weights_digest())
    for core, shown in zip(spec.cores, body["cores"], strict=True):
        assert shown["threshold_high"] == core.threshold_high
        assert tuple(shown["memory"].values()) == core.memory
        assert shown["kernel"] == list(core.weights.shape[2:])
    assert body["outputs"] == [{"core": spec.outputs[0].core, "pooling": 1, "name": "output", "feature_shift": 0}]
    assert codes(document) == [note.code for note in spec.notes]


def test_a_spec_for_people(spec_file: Path) -> None:
    spec = nirdynap.load(spec_file)
    result = run("show", spec_file)
    assert result.exit_code == 0
    assert f"digest {spec.digest()}" in result.stdout
    assert "core 1 (pool 2x2)" in result.stdout
    assert "output output" in result.stdout
    assert "ND124" in result.stderr


def test_options_of_reading_beside_a_spec(spec_file: Path) -> None:
    document = ask("show", spec_file, "--reset", "zero", "--v-min", "-1", code=2)
    assert codes(document) == ["ND902"]
    assert "--reset, --v-min" in document["diagnostics"][0]["found"]


def test_a_graph_named_like_a_spec(net: Path, tmp_path: Path) -> None:
    graph = tmp_path / "net.h5"
    graph.write_bytes(net.read_bytes())
    for words in (("show",), ("simulate", "--input", "absent.npz")):
        document = ask(words[0], graph, *words[1:], code=2)
        assert codes(document) == ["ND902"]
        assert "this is a NIR graph" in document["diagnostics"][0]["found"]


def test_a_changed_spec(spec_file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.h5"
    bad.write_bytes(spec_file.read_bytes()[:-100])
    assert codes(ask("show", bad, code=2)) == ["ND601"]
    assert codes(ask("show", tmp_path / "absent.json", code=2)) == ["ND601"]
    assert codes(ask("show", tmp_path / "words.txt", code=2)) == ["ND606"]
