"""Files that every nir reads, that mean what the node's metadata says, and that are there completely or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import h5py
import hypothesis.strategies as st
import nir
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from tests.by_hand import avg_pool, chain, conv, facts, flatten, graph, neurons, scale, sink, source, sum_pool

import nirdynap
from nirdynap.errors import CompileError, StoreError
from nirdynap.export.nir_writer import write
from nirdynap.frontend import read
from nirdynap.ir.units import Pair, conv_output

SUBTRACT = {"dynapcnn": {"reset": "subtract"}}
ZERO = {"dynapcnn": {"reset": "zero"}}


def small(**changed: Any) -> nir.NIRGraph:
    """input - conv - if - pool - flatten - dense - if - output, without any shape but the input's."""
    layers: dict[str, Any] = {
        "in": source(1, 8, 8),
        "conv": conv(out=2, padding=1),
        "if": neurons(0.5, metadata=SUBTRACT),
        "pool": sum_pool(2),
        "flat": flatten(),
        "dense": nir.Linear(np.arange(96).reshape(3, 32) / 32 - 1),
        "last": neurons(np.ones(3), metadata=SUBTRACT),
        "out": sink(),
    }
    return chain(**(layers | changed))


def in_file(path: Path, what: str) -> Any:
    with h5py.File(path) as file:
        return file[what][()] if isinstance(file[what], h5py.Dataset) else set(file[what])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    original = small()
    write(original, tmp_path / "a.nir")
    again = nir.read(tmp_path / "a.nir")  # with type checks on
    assert set(again.nodes) == set(original.nodes)
    assert set(again.edges) == set(original.edges)
    np.testing.assert_array_equal(again.nodes["conv"].weight, original.nodes["conv"].weight)
    assert again.nodes["last"].metadata == SUBTRACT
    assert read(tmp_path / "a.nir", "torch").digest() == read(original, "torch").digest()


def test_the_file_gives_the_spec_that_the_graph_gives(tmp_path: Path) -> None:
    bounded = neurons(0.5, metadata={"dynapcnn": {"reset": "subtract", "v_min": -0.75}})
    write(small(**{"if": bounded}), tmp_path / "a.nir")
    spec = nirdynap.nir_to_dynapcnn(tmp_path / "a.nir", convention="torch")
    assert spec.digest() == nirdynap.nir_to_dynapcnn(small(**{"if": bounded}), convention="torch").digest()
    assert spec.cores[0].threshold_low == -round(0.75 * spec.cores[0].scale)


@settings(max_examples=40, deadline=None)
@given(
    channels=st.sampled_from([2, 4]),
    groups=st.sampled_from([1, 2]),
    stride=st.sampled_from([1, 2, np.array(2), (2, 1)]),
    padding=st.sampled_from([0, 1, (1, 2), "valid"]),
    bias=st.booleans(),
    threshold=st.sampled_from([1.0, [0.5], "channel", "column", "full"]),
    pool=st.sampled_from([sum_pool(2), avg_pool(2), nir.SumPool2d(np.array(2), np.array(2), np.array(0)), scale(0.5)]),
)
def test_reading_the_file_is_reading_the_graph(
    channels: int,
    groups: int,
    stride: Any,
    padding: Any,
    bias: bool,
    threshold: Any,
    pool: nir.NIRNode,
) -> None:
    forms = {"channel": np.arange(1.0, channels + 1), "column": np.full((channels, 1, 1), 2.0)}
    layer = conv(out=channels, channels=2 // groups, stride=stride, padding=padding, groups=groups)
    layer.bias = np.arange(channels) / 4 if bias else None
    y, x = conv_output((9, 9), (3, 3), pair(stride), (0, 0) if padding == "valid" else pair(padding))
    forms["full"] = np.arange(1.0, channels * y * x + 1).reshape(channels, y, x)
    spiking = neurons(forms.get(threshold, threshold) if isinstance(threshold, str) else threshold)
    original = chain(**{"in": source(2, 9, 9), "conv": layer, "if": spiking, "pool": pool, "out": sink()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nir"
        write(original, path)
        again = read(path, "torch")
        if groups == 1:  # nir's own check takes grouped convolutions for mistakes
            assert nir.read(path).nodes["if"].v_threshold.shape == (channels, y, x)
    if not bias:  # no field is missing in a file: no bias is a bias of zeros
        layer.bias = np.zeros(channels)
    assert again.digest() == read(original, "torch").digest()


def pair(value: Any) -> Pair:
    y, x = np.broadcast_to(value, 2).tolist()
    return (y, x)


def test_the_callers_graph_is_not_changed(tmp_path: Path) -> None:
    original = small()
    before = facts(original)
    write(original, tmp_path / "a.nir")
    assert facts(original) == before


def test_order_of_nodes_and_edges_does_not_change_the_bytes(tmp_path: Path) -> None:
    original = small()
    turned = nir.NIRGraph(
        nodes=dict(reversed(original.nodes.items())), edges=original.edges[::-1], type_check=False, metadata={"b": 1}
    )
    original.metadata = {"b": 1}
    write(original, tmp_path / "a.nir")
    write(turned, tmp_path / "b.nir")
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    program = (
        "import sys; from nirdynap.export.nir_writer import write; from tests.by_hand import *;"
        "write(nine_cores(), sys.argv[1])"
    )
    root = Path(__file__).parents[2]
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", program, tmp_path / seed], env=env, cwd=root, check=True)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


# --- the reset -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "written", "version", "meant", "notes"),
    [
        (SUBTRACT, False, b"1.0.4", "subtract", []),
        (ZERO, True, b"1.0.6", "zero", []),
        ({}, True, b"1.0.6", "zero", ["ND124"]),
    ],
)
def test_v_reset_is_written_if_the_node_means_it(
    tmp_path: Path, metadata: dict, written: bool, version: bytes, meant: str, notes: list[str]
) -> None:
    path = tmp_path / "a.nir"
    write(small(**{"if": neurons(0.5, metadata=metadata)}), path)
    assert ("v_reset" in in_file(path, "node/nodes/if")) is written
    assert in_file(path, "version") == version
    network = read(path)
    assert network.node("if").reset == meant
    assert [d.code for d in network.notes if d.code != "ND134"] == notes


def test_a_node_of_an_old_nir_has_no_v_reset_to_write(tmp_path: Path) -> None:
    old = neurons(0.5)
    del old.v_reset
    write(small(**{"if": old}), tmp_path / "a.nir")
    assert "v_reset" not in in_file(tmp_path / "a.nir", "node/nodes/if")
    old.metadata = ZERO
    write(small(**{"if": old}), tmp_path / "a.nir")
    np.testing.assert_array_equal(in_file(tmp_path / "a.nir", "node/nodes/if/v_reset"), np.zeros((2, 8, 8)))


def test_neurons_in_a_nested_graph_are_no_exception(tmp_path: Path) -> None:
    path = tmp_path / "a.nir"
    for metadata, written in ((SUBTRACT, False), (ZERO, True)):
        block = chain(input=source(2, 8, 8), spike=neurons(1.0, metadata=metadata), output=sink())
        write(small(**{"if": block}), path)
        assert ("v_reset" in in_file(path, "node/nodes/if/nodes/spike")) is written
        assert in_file(path, "version") == (b"1.0.6" if written else b"1.0.4")
    block.edges.append(("spike", "gone"))
    assert refused(small(**{"if": block}), path.parent) == ["ND112"]


def test_a_reset_value_contradicts_subtract(tmp_path: Path) -> None:
    wrong = neurons(0.5, v_reset=np.array(-0.25), metadata=SUBTRACT)
    assert refused(small(**{"if": wrong}), tmp_path) == ["ND106"]


# --- what graphs leave out -------------------------------------------------------------------------------------------


def test_missing_fields_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "a.nir"
    bare = conv(out=2, bias=None, padding=None, stride=None, dilation=None, groups=None)
    write(small(conv=bare, **{"if": neurons(np.array(0.5))}), path)
    assert in_file(path, "node/nodes/conv/input_shape").tolist() == [8, 8]
    assert in_file(path, "node/nodes/conv/bias").tolist() == [0, 0]
    assert in_file(path, "node/nodes/conv/padding").tolist() == [0, 0]
    assert in_file(path, "node/nodes/if/v_threshold").shape == (2, 6, 6)
    assert in_file(path, "node/nodes/out/shape").tolist() == [3]


def test_same_padding_keeps_one_place_per_stride(tmp_path: Path) -> None:
    halved = conv(padding="same", stride=(2, 3))
    write(chain(**{"in": source(1, 7, 9), "a": halved, "b": conv(channels=2), "out": sink()}), tmp_path / "a.nir")
    assert in_file(tmp_path / "a.nir", "node/nodes/b/input_shape").tolist() == [4, 3]


@pytest.mark.parametrize(("start", "size"), [(0, [32]), (1, [2, 16])])
def test_neurons_behind_a_flatten_have_its_size(tmp_path: Path, start: int, size: list[int]) -> None:
    flat = nir.Flatten({"input": None}, start, -1)
    write(chain(**{"in": source(2, 4, 4), "flat": flat, "if": neurons(0.5), "out": sink()}), tmp_path / "a.nir")
    assert list(in_file(tmp_path / "a.nir", "node/nodes/if/v_threshold").shape) == size
    assert nir.read(tmp_path / "a.nir").nodes["flat"].start_dim == start


def test_nested_graphs_strings_and_metadata(tmp_path: Path) -> None:
    block = chain(input=nir.Input({"input": None}), c=conv(channels=2, padding="same"), output=sink())
    block.metadata = {"author": "me", "tags": ["a", "b"], "deep": {"n": 3, "list": [1.5, 2]}}
    outer = small(pool=block, dense=nir.Affine(np.ones((3, 128)), None))
    outer.metadata = {"trained": "yesterday"}
    path = tmp_path / "a.nir"
    write(outer, path)
    again = nir.read(path)
    assert again.metadata == outer.metadata
    assert in_file(path, "node/nodes/flat/input_type").tolist() == [2, 8, 8]
    inner = again.nodes["pool"]
    assert inner.nodes["c"].padding == "same"
    assert tuple(inner.nodes["c"].input_shape) == (8, 8)
    assert inner.metadata["author"] == "me"
    assert inner.metadata["deep"]["n"] == 3
    assert inner.metadata["deep"]["list"].tolist() == [1.5, 2]
    assert [t.decode() for t in inner.metadata["tags"]] == ["a", "b"]


def test_torch_tensors_and_other_neurons(tmp_path: Path) -> None:
    weight = torch.ones(2, 4, requires_grad=True)
    leaky = nir.CubaLIF(*(np.full(2, v) for v in (1e-3, 1e-2, 1.0, 0.0, 1.0)), metadata=SUBTRACT)
    original = chain(**{"in": source(4), "w": nir.Linear(weight), "n": leaky, "out": sink()})
    write(original, tmp_path / "a.nir")
    again = nir.read(tmp_path / "a.nir")
    np.testing.assert_array_equal(again.nodes["w"].weight, np.ones((2, 4)))
    np.testing.assert_array_equal(again.nodes["n"].w_in, np.ones(2))


def test_recurrent_graphs_are_written(tmp_path: Path) -> None:
    nodes = {"in": source(2), "w": nir.Linear(np.eye(2)), "n": neurons(1.0), "back": nir.Linear(np.eye(2))}
    write(graph(nodes | {"out": sink()}, "in -> w -> n -> back -> n -> out"), tmp_path / "a.nir")
    assert nir.read(tmp_path / "a.nir").nodes["n"].r.shape == (2,)


# --- what cannot be written ------------------------------------------------------------------------------------------


def refused(original: Any, folder: Path) -> list[str]:
    path = folder / "a.nir"
    path.write_bytes(b"older")
    with pytest.raises(CompileError) as caught:
        write(original, path)
    assert list(folder.iterdir()) == [path]
    assert path.read_bytes() == b"older"
    return sorted(d.code for d in caught.value.diagnostics)


class Strange(nir.NIRNode):
    """A node type that nir does not know."""

    def __init__(self) -> None:
        self.metadata = {}


@pytest.mark.parametrize(
    ("original", "codes"),
    [
        (3, ["ND102"]),
        (small(conv=None), ["ND102"]),
        (small(conv=Strange()), ["ND105"]),
        (small(**{"if": neurons(1.0, metadata={"dynapcnn": {"reset": "soft"}})}), ["ND126"]),
        (small(**{"if": neurons(1.0, metadata={"a": None, "b": object(), "c": [[1], [1, 2]]})}), ["ND106"] * 3),
        (small(**{"if": neurons(1.0, metadata={"a/b": 1})}), ["ND106"]),
        (small(**{"in": nir.Input({"input": None})}), ["ND117", "ND117"]),
        (graph({"in": source(2), "a/b": neurons(1.0), "out": sink()}, "in -> a/b -> out"), ["ND106"]),
        (graph({"in": source(2), "out": sink()}, "in -> out", "in -> gone"), ["ND112"]),
    ],
)
def test_refused_before_anything_is_written(original: Any, codes: list[str], tmp_path: Path) -> None:
    assert refused(original, tmp_path) == codes


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="ND605"):
        write(small(), tmp_path / "nowhere" / "a.nir")


def test_a_failure_in_the_last_moment_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nir"
    path.write_bytes(b"older")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        write(small(), path)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stride", [0, 0]),
        ("stride", "two"),
        ("dilation", np.nan),
        ("dilation", "wide"),
        ("input_shape", 0),
        ("input_shape", "large"),
        ("groups", np.inf),
        ("padding", -1),
    ],
)
def test_sizes_that_are_none_are_refused(tmp_path: Path, field: str, value: object) -> None:
    graph = small()
    name = next(n for n, node in graph.nodes.items() if type(node).__name__ == "Conv2d")
    setattr(graph.nodes[name], field, value)
    with pytest.raises(CompileError, match=rf"ND106 .* \$\.nodes\.{name}: {field} is"):
        write(graph, tmp_path / "a.nir")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [object(), [[1], [2, 3]], {"deep": object()}])
def test_metadata_of_the_graph_that_no_file_holds_are_refused(tmp_path: Path, value: object) -> None:
    graph = small()
    graph.metadata = {"own": value}
    with pytest.raises(CompileError, match=r"ND106 .* \$\.metadata\.own"):
        write(graph, tmp_path / "a.nir")
