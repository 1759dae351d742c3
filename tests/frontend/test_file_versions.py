"""The layouts of files from nir 0.1 on, as each version wrote them, hold the same network."""

import dataclasses
from itertools import pairwise

import h5py
import nir
import numpy as np
import pytest

from by_hand import chain, conv, flatten, neurons, sink, source
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.frontend import read

CONV, DENSE = conv(bias=np.array([0.5, 0.0])), nir.Affine(np.arange(216.0).reshape(3, 72) / 64 - 1, np.ones(3))
MODERN = {
    "input": source(1, 8, 8),
    "conv": CONV,
    "if": neurons(np.ones((2, 6, 6))),
    "flat": flatten(),
    "fc": DENSE,
    "last": neurons(np.ones(3)),
    "output": sink(),
}


def written(path, version, *, old, v_reset):
    """A file in the layout of nir 0.1 (`old`) or later ones; `v_reset` came with 1.0.6."""
    kernel = {"weight": CONV.weight, "bias": CONV.bias, "groups": 1}
    pairs = {key: n if old else [n, n] for key, n in (("stride", 1), ("padding", 0), ("dilation", 1))}
    nodes = {
        "input": {"type": "Input", "shape": [1, 8, 8]},
        "conv": {"type": "Conv2d", **kernel, **pairs} | ({} if old else {"input_shape": [8, 8]}),
        "if": {"type": "IF", "r": np.ones((2, 6, 6)), "v_threshold": np.ones((2, 6, 6))},
        "flat": {"type": "Flatten", "start_dim": 1 if old else 0, "end_dim": -1},
        "fc": {"type": "Affine", "weight": DENSE.weight, "bias": DENSE.bias},
        "last": {"type": "IF", "r": np.ones(3), "v_threshold": np.ones(3)},
        "output": {"type": "Output", "shape": 3 if old else [3]},
    }
    if not old:
        nodes["flat"]["input_type"] = [2, 6, 6]
    for name in ("if", "last") if v_reset else ():
        nodes[name]["v_reset"] = np.zeros_like(nodes[name]["r"])
    names = list(nodes)
    with h5py.File(path, "w") as file:
        if version is not None:
            file["version"] = version
        file["node/type"] = "NIRGraph"
        file["node/edges"] = np.array(list(pairwise(names)), dtype=object)
        for name, fields in nodes.items():
            for key, value in fields.items():
                file[f"node/nodes/{name}/{key}"] = value
    return path


@pytest.mark.parametrize(
    ("version", "old"),
    [(None, True), ("0.1.1", True), ("0.2.0", False), ("1.0.0", False), ("1.0.5", False), ("1.0.7.dev8+gaf26", False)],
)
def test_every_layout_is_read_alike(tmp_path, version, old):
    network = read(written(tmp_path / "a.nir", version, old=old, v_reset=False), "torch")
    assert dataclasses.replace(network, notes=()).digest() == read(chain(**MODERN), "torch").digest()
    assert [d.code for d in network.notes] == (["ND103"] if version is None else [])


@pytest.mark.parametrize(("v_reset", "reset"), [(False, "subtract"), (True, "zero")])
def test_the_presence_of_v_reset_decides_and_not_the_version(tmp_path, v_reset, reset):
    for version in ("0.2.0", "1.0.5", "1.0.6", "1.0.8"):
        network = read(written(tmp_path / f"{version}.nir", version, old=False, v_reset=v_reset), "nir")
        assert {network.node(name).reset for name in ("if", "last")} == {reset}


@pytest.mark.parametrize("version", ["1.1.0", "2.0", "10.0", "one"])
def test_any_other_version_is_refused(tmp_path, version):
    with pytest.raises(CompileError, match="ND104"):
        read(written(tmp_path / "a.nir", version, old=False, v_reset=False), "torch")


def test_an_identity_node_vanishes():
    same = nir.ir.graph.Identity({"input": np.array([1, 8, 8])})
    nodes = {"input": source(1, 8, 8), "same": same, "conv": CONV, "if": neurons(), "output": sink()}
    plain = {name: node for name, node in nodes.items() if name != "same"}
    assert read(chain(**nodes), "torch").notes == ()
    assert nir_to_dynapcnn(chain(**nodes)).digest() == nir_to_dynapcnn(chain(**plain)).digest()
