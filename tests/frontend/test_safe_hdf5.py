"""Files that are not what they should be: a diagnostic, never a traceback, and nothing outside the file is read."""

from __future__ import annotations

import h5py
import nir
import numpy as np
import pytest

from by_hand import chain, conv, neurons, source
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.frontend.safe_hdf5 import read_hdf5


@pytest.fixture
def path(tmp_path):
    """A good file."""
    file = tmp_path / "good.nir"
    nodes = {"in": source(), "conv": conv(input_shape=(8, 8)), "if": neurons([1.0, 2.0])}
    nir.write(file, chain(**nodes, out=nir.Output({"output": np.array([2, 6, 6])})))
    return file


def finding(path):
    with pytest.raises(CompileError) as caught:
        read(path, "torch")
    return [(d.code, d.place) for d in caught.value.diagnostics]


def test_a_good_file(path):
    raw = read_hdf5(path)
    assert [n.name for n in raw.nodes] == ["conv", "if", "in", "out"]
    assert set(raw.edges) == {("in", "conv"), ("conv", "if"), ("if", "out")}
    assert raw.version == nir.version
    np.testing.assert_array_equal(raw.nodes[1].fields["v_threshold"], [1.0, 2.0])


def test_paths_may_be_strings(path):
    assert read(str(path), "torch") == read(path, "torch")


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(200)])
def test_what_is_no_hdf5(tmp_path, content):
    file = tmp_path / "bad.nir"
    file.write_bytes(content)
    assert finding(file) == [("ND101", str(file))]


def test_no_file_and_a_folder(tmp_path):
    assert finding(tmp_path / "none.nir") == [("ND101", str(tmp_path / "none.nir"))]
    assert finding(tmp_path) == [("ND101", str(tmp_path))]


def test_truncated_anywhere(path, tmp_path):
    content = path.read_bytes()
    short = tmp_path / "short.nir"
    for size in range(1, len(content), 997):
        short.write_bytes(content[:size])
        assert finding(short) == [("ND101", str(short))]


def test_a_file_that_was_not_written_to_its_end(path):
    with h5py.File(path, "r+") as file:
        del file["node/nodes/if/type"]
    assert finding(path) == [("ND102", "$.nodes.if")]


@pytest.mark.parametrize("name", ["node", "node/type", "node/nodes/conv/type"])
def test_what_every_file_must_have(path, name):
    with h5py.File(path, "r+") as file:
        del file[name]
    assert [code for code, _ in finding(path)] == ["ND102"]


def test_a_file_without_nodes_or_edges(path):
    with h5py.File(path, "r+") as file:
        del file["node/edges"]
    assert {code for code, _ in finding(path)} == {"ND114"}
    with h5py.File(path, "r+") as file:
        del file["node/nodes"]
    assert finding(path) == [("ND109", "$.nodes")]


@pytest.mark.parametrize("edges", [np.array(5), np.zeros(4), np.zeros((2, 3)), np.zeros((2, 2, 2)), "in -> conv"])
def test_edges_that_are_no_pairs(path, edges):
    with h5py.File(path, "r+") as file:
        del file["node/edges"]
        file["node/edges"] = edges
    assert finding(path) == [("ND102", "$.edges")]


def test_edges_of_numbers_lead_nowhere(path):
    with h5py.File(path, "r+") as file:
        del file["node/edges"]
        file["node/edges"] = np.zeros((2, 2))
    assert ("ND112", "$.edges") in finding(path)


@pytest.mark.parametrize(
    ("version", "code"),
    [("0.1", None), ("0.2.0", None), ("1.0.4", None), ("1.0.7.dev8+g2af263", None), ("1.0", None), ("1.1.0", "ND104"),
     ("2.0", "ND104"), ("10.0", "ND104"), ("1.00.1", "ND104"), ("", "ND104"), ("dev", "ND104")],
)  # fmt: skip
def test_versions(path, version, code):
    with h5py.File(path, "r+") as file:
        file["version"][()] = version
    if code is None:
        assert read(path, "torch").notes == ()
    else:
        assert finding(path) == [(code, "$.version")]


def test_no_version_is_a_warning(path):
    with h5py.File(path, "r+") as file:
        del file["version"]
    assert [(d.code, d.severity) for d in read(path, "torch").notes] == [("ND103", "warning")]


@pytest.mark.parametrize("kind", ["external", "soft", "dangling"])
def test_links_are_not_followed(path, tmp_path, kind):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = np.ones((2, 1, 3, 3))
    link = {
        "external": h5py.ExternalLink(str(other), "/secret"),
        "soft": h5py.SoftLink("/node/nodes/if/r"),
        "dangling": h5py.SoftLink("/nowhere"),
    }[kind]
    with h5py.File(path, "r+") as file:
        del file["node/nodes/conv/weight"]
        file["node/nodes/conv/weight"] = link
    assert finding(path) == [("ND102", "$.nodes.conv")]


@pytest.mark.parametrize("name", ["node", "node/edges", "node/nodes/conv", "node/nodes/conv/metadata"])
def test_nor_are_links_to_whole_parts(path, tmp_path, name):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file, h5py.File(path) as good:
        if name in good:
            good.copy(name, file, "part")
        else:
            file.create_group("part")["dynapcnn"] = "x"
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        file[name] = h5py.ExternalLink(str(other), "/part")
    assert [code for code, _ in finding(path)] == ["ND102"]


def test_data_that_lies_in_another_file_is_not_read(path, tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(2 * 9 * 8))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/conv/weight"]
        file["node/nodes/conv"].create_dataset(
            "weight", (2, 1, 3, 3), np.float64, external=[(str(secret), 0, h5py.h5f.UNLIMITED)]
        )
    assert finding(path) == [("ND102", "$.nodes.conv")]


def test_a_field_that_claims_to_be_huge_is_not_read(path):
    with h5py.File(path, "r+") as file:
        del file["node/nodes/conv/weight"]
        file["node/nodes/conv"].create_dataset("weight", (1 << 20, 1 << 10), np.float64, chunks=True)
    assert finding(path) == [("ND102", "$.nodes.conv")]


def test_a_group_that_holds_itself(path):
    with h5py.File(path, "r+") as file:
        file["node/nodes/again"] = file["node"]
    assert finding(path) == [("ND101", str(path))]


@pytest.mark.parametrize("value", [h5py.Empty("f8"), "text", np.array([b"a"])])
def test_weights_that_are_none(path, value):
    with h5py.File(path, "r+") as file:
        del file["node/nodes/conv/weight"]
        file["node/nodes/conv/weight"] = value
    assert {code for code, _ in finding(path)} <= {"ND102", "ND106"}


def test_metadata_of_every_kind_is_read(path):
    with h5py.File(path, "r+") as file:
        group = file["node/nodes/if"].create_group("metadata/dynapcnn")
        group["reset"] = "zero"
        group["v_min"] = -2.0
        file["node/nodes/if/metadata/author"] = ["a", "b"]
    node = read(path, "torch").node("if")
    assert node.reset == "zero"
    assert (node.v_min == -2).all()


def test_an_unknown_field_is_a_warning(path):
    with h5py.File(path, "r+") as file:
        file["node/nodes/if/surrogate"] = "atan"
    assert [(d.code, d.place) for d in read(path, "torch").notes] == [("ND119", "$.nodes.if")]


def test_a_file_of_old_has_no_v_reset(path):
    assert read(path, "nir").node("if").reset == "zero"
    with h5py.File(path, "r+") as file:
        del file["node/nodes/if/v_reset"]
    assert read(path, "nir").node("if").reset == "subtract"


def test_the_file_is_only_read(path):
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    path.chmod(0o444)
    read(path, "torch")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
