"""Files of public repositories: a spec, or a refusal that names a node, and never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import CompileError
from real_files import answer, names_a_node

CNNS = ("cnn_084f5302", "cnn_68d53061", "cnn_cdafbe38", "cnn_fce7d384")


@pytest.fixture(scope="module")
def nir_files(shared_data):
    return sorted((shared_data / "nir_files").glob("*.nir"))


def named(path: Path) -> str:
    return "_".join(path.stem.split("_")[:2])


def test_four_cnns_of_one_training_are_one_network(nir_files):
    specs = [nir_to_dynapcnn(p, convention="sinabs") for p in nir_files if named(p) in CNNS]
    assert len(specs) == 4
    assert len({spec.weights_digest() for spec in specs}) == 1
    assert {tuple(core.threshold_high for core in spec.cores) for spec in specs} == {(72, 128, 205, 108, 197)}
    assert len({tuple(core.destinations for core in spec.cores) for spec in specs}) == 1
    assert len({spec.digest() for spec in specs}) == 1


def test_overlapping_pools_are_refused_at_their_nodes(nir_files):
    (path,) = (p for p in nir_files if named(p) == "cnn_a923df10")
    with pytest.raises(CompileError) as caught:
        nir_to_dynapcnn(path, convention="sinabs")
    found = [(d.code, d.place, d.value, d.limit) for d in caught.value.diagnostics if d.severity == "error"]
    assert found == [("ND118", f"$.nodes.{n}", "(1, 1)", "stride (2, 2)") for n in ("4", "7")]


@pytest.mark.parametrize("convention", ["auto", "nir", "sinabs", "torch"])
def test_all_others_are_refused_with_the_name_of_a_node(nir_files, convention):
    others = [p for p in nir_files if named(p) not in CNNS]
    assert len(others) == 20
    for path in others:
        assert names_a_node(answer(path, convention=convention)), path.name
