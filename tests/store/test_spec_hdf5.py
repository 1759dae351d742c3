"""HDF5 files that are no specs, although much of them is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from samples import full_spec

from nirdynap.errors import Diagnostic, StoreError
from nirdynap.store import load, save


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save(full_spec(), tmp_path / "net.h5")
    return tmp_path / "net.h5"


def findings_of(path: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(StoreError) as caught:
        load(path)
    return caught.value.diagnostics


def replace(name: str, **dataset: object) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **dataset)

    return edit


def delete(file: h5py.File) -> None:
    del file["core0.weights"]


def link_elsewhere(file: h5py.File) -> None:
    del file["core0.weights"]
    file["core0.weights"] = h5py.ExternalLink("other.h5", "core0.weights")


def link_softly(file: h5py.File) -> None:
    file.move("core0.weights", "hidden")
    file["core0.weights"] = h5py.SoftLink("/hidden")


def make_virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 4, 1, 2), "i1")
    layout[:] = h5py.VirtualSource("other.h5", "core0.weights", (3, 4, 1, 2))
    del file["core0.weights"]
    file.create_virtual_dataset("core0.weights", layout)


def make_group(file: h5py.File) -> None:
    del file["core0.weights"]
    file.create_group("core0.weights")


def test_how_the_file_looks(file: Path) -> None:
    with h5py.File(file) as h5:
        assert sorted(h5) == [
            "core0.weights",
            "core3.bias",
            "core3.initial_state",
            "core3.weights",
            "core8.weights",
            "manifest",
        ]
        assert h5["core3.bias"].dtype == np.dtype("<i2")
        assert h5["core3.weights"].dtype == np.dtype("i1")
        manifest = json.loads(h5["manifest"][()])
    assert (manifest["schema"], manifest["chip"], manifest["digest"]) == ("spec-v1", "imaginary", full_spec().digest())
    assert manifest["cores"][0]["weights"] == {"dtype": "int8", "shape": [4, 2, 3, 3]}


NOT_DECLARED = "declared is int8 (3, 4, 1, 2)"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (delete, "is missing"),
        (replace("core0.weights", data=np.zeros((3, 4, 1, 2), "i2")), f"is int16 (3, 4, 1, 2), {NOT_DECLARED}"),
        (replace("core0.weights", data=np.zeros((3, 4, 1, 2), "u1")), f"is uint8 (3, 4, 1, 2), {NOT_DECLARED}"),
        (replace("core0.weights", data=np.zeros((3, 4, 1, 2), "f4")), f"is float32 (3, 4, 1, 2), {NOT_DECLARED}"),
        (replace("core0.weights", data=np.zeros((3, 4, 2, 1), "i1")), f"is int8 (3, 4, 2, 1), {NOT_DECLARED}"),
        (replace("core0.weights", data=np.zeros(24, "i1")), f"is int8 (24,), {NOT_DECLARED}"),
        (replace("core0.weights", data=h5py.Empty("i1")), f"is int8 None, {NOT_DECLARED}"),
        (replace("core0.weights", shape=(1 << 40,), dtype="i1", chunks=(1024,)), "does not lie in the file"),
        (replace("core0.weights", shape=(24,), dtype="i1", external="other.bin"), "does not lie in the file"),
        (make_virtual, "does not lie in the file"),
        (link_elsewhere, "is missing"),
        (link_softly, "is missing"),
        (make_group, "is missing"),
    ],
)
def test_arrays_that_are_not_as_declared(
    tmp_path: Path, file: Path, edit: Callable[[h5py.File], None], reason: str
) -> None:
    save(full_spec(), tmp_path / "other.h5")  # what the links lead to
    with h5py.File(file, "r+") as h5:
        edit(h5)
    findings = findings_of(file)
    assert {f.code for f in findings} == {"ND602"}
    assert f"{file}: $.arrays.core0.weights: {reason}" in [f"{f.place}: {f.found}" for f in findings]


def test_all_faults_are_found(file: Path) -> None:
    with h5py.File(file, "r+") as h5:
        del h5["core3.bias"]
        h5["core4.weights"] = np.zeros(3, "i1")
        replace("core8.weights", data=np.zeros(3, "i1"))(h5)
    assert [f"{f.place}: {f.found}".removeprefix(f"{file}: ") for f in findings_of(file)] == [
        "$.arrays.core4.weights: no core declares it",
        "$.arrays.core3.bias: is missing",
        "$.arrays.core8.weights: is int8 (3,), declared is int8 (10, 7, 2, 1)",
    ]


def test_one_changed_weight(file: Path) -> None:
    with h5py.File(file, "r+") as h5:
        h5["core8.weights"][0, 0, 0, 0] ^= 1
    (finding,) = findings_of(file)
    assert (finding.code, finding.limit) == ("ND603", full_spec().digest())


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda h5: h5.pop("manifest"), "dataset 'manifest' is missing"),
        (replace("manifest", data=np.zeros(3)), "dataset 'manifest' is not a text"),
        (replace("manifest", data=["a", "b"]), "dataset 'manifest' is not a text"),
        (replace("manifest", data=h5py.Empty(h5py.string_dtype())), "dataset 'manifest' is not a text"),
        (replace("manifest", data=b"\xff", dtype="S1"), "not JSON"),
        (replace("manifest", data="{}"), "the document does not say which schema it follows"),
    ],
)
def test_manifests_that_are_none(file: Path, edit: Callable[[h5py.File], None], reason: str) -> None:
    with h5py.File(file, "r+") as h5:
        edit(h5)
    (finding,) = findings_of(file)
    assert finding.code == "ND601"
    assert finding.found.startswith(reason)


def test_a_foreign_file_is_not_read_any_further(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "net.h5", "w") as h5:
        h5["node/type"] = "NIRGraph"
    (finding,) = findings_of(tmp_path / "net.h5")
    assert (finding.code, finding.found) == ("ND601", "dataset 'manifest' is missing")
