"""Files of public repositories and real exporters: a spec or reasons that name a node, and never anything else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.errors import CompileError

CNNS = ("cnn_084f5302", "cnn_68d53061", "cnn_cdafbe38", "cnn_fce7d384")
CONVENTIONS = {
    "sinabs": "sinabs",
    "sinabs_nir108": "sinabs",
    "snntorch": "snntorch",
    "snntorch094": "snntorch",
    "norse": "norse",
    "norse_nir104": "norse",
    "norse_git": "norse",
    "spikingjelly": "spikingjelly",
    "spyx": "spyx",
    "rockpool": "rockpool",
    "rockpool_nir104": "rockpool",
    "mlxsnn": "mlx-snn",
    "lava": "lava",
    "nirtorch": "torch",
    "paper": "torch",
    "jaxpike": "nir",
}
BROKEN = {
    "edge_to_missing_node": ("ND112", "_3 -> nowhere"),
    "nan_weight": ("ND107", "$.nodes._0"),
    "no_edges": ("ND114", "$.nodes._0"),
    "unknown_type": ("ND105", "$.nodes._1"),
    "zero_threshold": ("ND108", "$.nodes._1"),
}
WARNED = {"extra_field": "ND119", "metadata_type_check_key": "ND119", "no_version": "ND103"}


@pytest.fixture(scope="module")
def nir_files(shared_data):
    return sorted((shared_data / "nir_files").glob("*.nir"))


def named(path: Path) -> str:
    return "_".join(path.stem.split("_")[:2])


def outcome(path: Path, convention: str) -> str:
    """Digest of the spec, or all that stands against it."""
    try:
        return nir_to_dynapcnn(path, convention=convention).digest()
    except CompileError as error:
        return str(error)


def names_a_node(refusal: str) -> bool:
    """Is there a node's name in the first line: as a place, or in the edge that is wrong?"""
    first = refusal.splitlines()[0]
    return bool(re.search(r"at \$\.nodes\.\S|edge \S+ -> \S+|without a (source|target): \w|layers, ", first))


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
    found = [(d.code, d.place, d.value, d.limit) for d in caught.value.diagnostics]
    assert found == [("ND118", f"$.nodes.{n}", "(1, 1)", "stride (2, 2)") for n in ("4", "7")]


@pytest.mark.parametrize("convention", ["nir", "sinabs", "torch"])
def test_all_others_are_refused_with_the_name_of_a_node(nir_files, convention):
    others = [p for p in nir_files if named(p) not in CNNS]
    assert len(others) == 20
    for path in others:
        assert names_a_node(outcome(path, convention)), path.name


def test_every_real_export_converts_or_is_refused_and_twice_alike(shared_data):
    for folder, convention in CONVENTIONS.items():
        files = sorted((shared_data / "framework_exports" / folder).glob("*.nir"))
        assert files
        for path in files:
            first = outcome(path, convention)
            assert outcome(path, convention) == first
            assert re.fullmatch(r"[0-9a-f]{64}", first) or names_a_node(first), path


def test_the_folders_are_these(shared_data):
    folders = {p.name for p in (shared_data / "framework_exports").iterdir() if p.is_dir()}
    assert folders == {*CONVENTIONS, "broken"}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused(shared_data, name):
    code, where = BROKEN[name]
    report = check(shared_data / "framework_exports" / "broken" / f"{name}.nir")
    assert not report.fits
    assert any(d.code == code and (d.place == where or where in d.found) for d in report.diagnostics)


@pytest.mark.parametrize("name", WARNED)
def test_odd_files_are_read_with_a_warning(shared_data, name):
    report = check(shared_data / "framework_exports" / "broken" / f"{name}.nir", convention="torch")
    assert report.fits
    assert [d.code for d in report.diagnostics if d.severity == "warning"] == [WARNED[name]]


def test_no_file_of_the_broken_ones_is_forgotten(shared_data):
    assert {p.stem for p in (shared_data / "framework_exports" / "broken").glob("*.nir")} == {*BROKEN, *WARNED}
