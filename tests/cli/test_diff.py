"""nirdynap diff."""

from __future__ import annotations

from pathlib import Path

import nir
import pytest
from commands import ask, codes, run, write_graph

import nirdynap
from nirdynap.store.recordings import read_recordings


@pytest.fixture(scope="module")
def other(net: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network with one weight changed and one node renamed."""
    graph = nir.read(net)
    graph.nodes["conv"].weight[0, 0, 0, 0] += 0.5
    nodes = {name.replace("if1", "neurons"): node for name, node in graph.nodes.items()}
    edges = [(a.replace("if1", "neurons"), b.replace("if1", "neurons")) for a, b in graph.edges]
    path = tmp_path_factory.mktemp("other") / "other.nir"
    nir.write(path, nir.NIRGraph(nodes=nodes, edges=edges))
    return path


def test_no_difference(net: Path, recordings: Path) -> None:
    body = ask("diff", net, net, "--input", recordings)["body"]
    assert body["same"] is True
    assert body["networks"]["changed"] == body["specs"]["changed"] == []
    assert body["behaviour"]["first_difference"] is None
    assert body["behaviour"]["same_decisions"] == {"output": 3}
    result = run("diff", net, net)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{net} and {net}: no difference\n", "")


def test_the_document_is_the_difference(net: Path, other: Path, recordings: Path) -> None:
    body = ask("diff", net, other, "--input", recordings, "--dt-us", "500", "--tie", "waits", code=1)["body"]
    samples = read_recordings(recordings).samples
    found = nirdynap.diff(net, other, samples, dt_us=500, tie="waits")
    assert body["same"] is False
    assert found.networks is not None
    assert body["networks"]["renamed"] == [{"a": "if1", "b": "neurons"}]
    (change,), (shown,) = found.networks.changed, body["networks"]["changed"]
    assert shown["values"][0]["at"] == list(change.values[0].at)
    assert found.behaviour is not None
    assert body["behaviour"]["layers"][0]["equal"] == found.behaviour.layers[0].equal
    assert body["behaviour"]["first_difference"] == str(found.behaviour.first_difference)


def test_what_people_see(net: Path, other: Path, recordings: Path) -> None:
    result = run("diff", net, other, "--input", recordings)
    assert (result.exit_code, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{net} and {other} differ in network, integers and placement, spikes"
    assert next(line.split() for line in lines if line.startswith("renamed")) == ["renamed", "if1", "->", "neurons"]
    row = next(line.split() for line in lines if line.startswith("conv") and "weights" in line)
    assert row[:6] == ["conv", "weights", "1", "72", "0.5", "0"]
    found = nirdynap.diff(net, other, read_recordings(recordings).samples)
    assert found.behaviour is not None
    first = [line.rstrip() for line in str(found.behaviour.first_difference).splitlines()]
    assert [line.rstrip() for line in lines[-len(first) :]] == first


def test_a_graph_and_a_spec(net: Path, tmp_path: Path) -> None:
    spec = tmp_path / "net.json"
    nirdynap.save(nirdynap.nir_to_dynapcnn(net, "speck2e", convention="torch"), spec)
    body = ask("diff", net, spec)["body"]
    assert body["same"] is True
    assert body["networks"] is None
    body = ask("diff", spec, net, "--chip", "speck2f", code=1)["body"]
    assert {setting["name"] for setting in body["specs"]["settings"]} == {"chip"}


def test_trouble(net: Path, tmp_path: Path, recordings: Path) -> None:
    spec = tmp_path / "net.h5"
    nirdynap.save(nirdynap.nir_to_dynapcnn(net), spec)
    assert codes(ask("diff", spec, spec, "--chip", "speck2e", code=2)) == ["ND780"]
    assert codes(ask("diff", net, tmp_path / "absent.nir", code=2)) == ["ND101"]
    assert codes(ask("diff", net, net, "--input", tmp_path / "absent.npz", code=2)) == ["ND511"]
    large = write_graph(tmp_path / "large.nir", features=2048)
    refused = ask("diff", spec, large, "--split", "never", code=2)
    assert refused["body"] is None
    assert "ND301" in codes(refused)
    assert ask("diff", large, large)["body"]["specs"] is None
