"""Written files load in nir with type checks on, are the same bytes each time, and are whole or not there."""

from __future__ import annotations

import copy
import itertools
import os
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest

import nirdynap
from nirdynap.errors import CompileError, StoreError
from nirdynap.export.nir_writer import write


def network(*, reset: str | None = "subtract") -> nir.NIRGraph:
    """Input, conv, neurons, pool, flatten, linear, neurons, output; shapes left out wherever nir allows it."""
    metadata = {} if reset is None else {"dynapcnn": {"reset": reset, "v_min": -1.5}}
    pair = np.array([2, 2])
    nodes = {
        "input": nir.Input({"input": np.array([1, 8, 8])}),
        "conv": nir.Conv2d(None, np.arange(18.0).reshape(2, 1, 3, 3), 1, 1, 1, 1, np.zeros(2)),
        "spike": nir.IF(np.ones((2, 8, 8)), np.ones((2, 8, 8)), metadata=metadata),
        "pool": nir.SumPool2d(pair, pair, np.array([0, 0])),
        "flat": nir.Flatten({"input": None}, 0, -1),
        "dense": nir.Linear(np.ones((3, 32))),
        "spike2": nir.IF(np.array([2.0]).reshape(1), np.array([1.0]), metadata=metadata),
        "output": nir.Output({"output": np.array([3])}),
    }
    names = list(nodes)
    return nir.NIRGraph(nodes, list(itertools.pairwise(names)), type_check=False)


def test_a_written_file_is_the_graph(tmp_path: Path) -> None:
    graph = network()
    write(graph, tmp_path / "a.nir")
    again = nir.read(tmp_path / "a.nir", type_check=False)
    assert set(again.nodes) == set(graph.nodes)
    assert set(again.edges) == set(graph.edges)
    np.testing.assert_array_equal(again.nodes["conv"].weight, graph.nodes["conv"].weight)
    assert again.nodes["spike"].metadata == {"dynapcnn": {"reset": "subtract", "v_min": -1.5}}


def test_type_checks_pass_and_missing_shapes_are_filled_in(tmp_path: Path) -> None:
    graph = network()
    graph.nodes["spike2"] = nir.IF(np.ones(3), np.ones(3))
    write(graph, tmp_path / "a.nir")
    again = nir.read(tmp_path / "a.nir")
    assert tuple(again.nodes["conv"].input_shape) == (8, 8)
    assert tuple(again.nodes["flat"].input_type["input"]) == (2, 4, 4)


def test_reading_it_back_gives_the_same_spec(tmp_path: Path) -> None:
    write(network(), tmp_path / "a.nir")
    from_file = nirdynap.nir_to_dynapcnn(tmp_path / "a.nir", convention="torch")
    assert from_file.digest() == nirdynap.nir_to_dynapcnn(network(), convention="torch").digest()
    assert from_file.cores[0].threshold_low == -round(1.5 * from_file.cores[0].scale)


@pytest.mark.parametrize(
    ("reset", "written", "version"), [("subtract", False, "1.0.4"), ("zero", True, "1.0.6"), (None, True, "1.0.6")]
)
def test_v_reset_is_written_unless_the_node_subtracts(
    tmp_path: Path, reset: str | None, written: bool, version: str
) -> None:
    write(network(reset=reset), tmp_path / "a.nir")
    with h5py.File(tmp_path / "a.nir") as file:
        assert ("v_reset" in file["node/nodes/spike"]) == written
        assert file["version"][()].decode() == version
    # The default convention reads what is there; metadata settles it without a warning.
    warned = [d.code for d in nirdynap.read(tmp_path / "a.nir").notes]
    assert warned == (["ND124", "ND124"] if reset is None else [])


def test_equal_graphs_give_equal_bytes(tmp_path: Path) -> None:
    shuffled = network()
    shuffled.nodes = dict(reversed(shuffled.nodes.items()))
    shuffled.edges = shuffled.edges[::-1]
    write(network(), tmp_path / "a.nir")
    write(shuffled, tmp_path / "b.nir")
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()


def test_the_graph_is_not_changed(tmp_path: Path) -> None:
    graph = network()
    before = copy.deepcopy(graph.to_dict())
    write(graph, tmp_path / "a.nir")
    np.testing.assert_equal(graph.to_dict(), before)


def test_nested_graphs_scalars_and_strings(tmp_path: Path) -> None:
    inner = nir.NIRGraph(
        {
            "i": nir.Input({"input": np.array([2])}),
            "w": nir.Linear(np.eye(2)),
            "o": nir.Output({"output": np.array([2])}),
        },
        [("i", "w"), ("w", "o")],
        type_check=False,
    )
    nodes = {
        "input": nir.Input({"input": np.array([2])}),
        "block": inner,
        "spike": nir.IF(np.float32(1), np.array(3.0), metadata={"note": "a word", "n": 3}),
        "output": nir.Output({"output": np.array([2])}),
    }
    graph = nir.NIRGraph(nodes, [("input", "block"), ("block", "spike"), ("spike", "output")], type_check=False)
    write(graph, tmp_path / "a.nir")
    assert {n.name for n in nirdynap.read(tmp_path / "a.nir").nodes} == {"input", "block.w", "spike", "output"}
    with h5py.File(tmp_path / "a.nir") as file:
        assert file["node/nodes/spike/v_threshold"].shape == ()
        assert file["node/nodes/spike/metadata/note"][()] == b"a word"


def test_a_graph_that_we_cannot_lower_can_still_be_written(tmp_path: Path) -> None:
    one = np.ones(2)
    nodes = {
        "input": nir.Input({"input": np.array([2])}),
        "leaky": nir.LIF(tau=one, r=one, v_leak=0 * one, v_threshold=one),
        "output": nir.Output({"output": np.array([2])}),
    }
    graph = nir.NIRGraph(nodes, [("input", "leaky"), ("leaky", "output")], type_check=False)
    write(graph, tmp_path / "a.nir")
    assert set(nir.read(tmp_path / "a.nir").nodes) == set(nodes)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="ND605"):
        write(network(), tmp_path / "missing" / "a.nir")
    with pytest.raises(CompileError, match="ND102"):
        write("no graph", tmp_path / "a.nir")
    assert os.listdir(tmp_path) == []
