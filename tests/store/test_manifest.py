"""The document of a spec: versions, every departure from the schema, and the digest."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from samples import full_spec, tiny_spec

from nirdynap.errors import Diagnostic, StoreError
from nirdynap.ir.spec import Memory
from nirdynap.store.manifest import arrays_of, check_manifest, manifest_of, spec_of


@pytest.fixture
def manifest() -> dict[str, Any]:
    return copy.deepcopy(manifest_of(full_spec()))


def findings_of(document: object) -> tuple[Diagnostic, ...]:
    with pytest.raises(StoreError) as caught:
        check_manifest(document, "here")
    return caught.value.diagnostics


def test_the_manifest_is_json(manifest: dict[str, Any]) -> None:
    assert json.loads(json.dumps(manifest, allow_nan=False)) == manifest
    assert check_manifest(manifest, "here") is manifest


def test_the_manifest_says_what_the_spec_is(manifest: dict[str, Any]) -> None:
    assert manifest["convention"]["name"] == "sinabs"
    assert manifest["inputs"] == [{"core": 3, "feature_shift": 0}]
    assert [core["core"] for core in manifest["cores"]] == [3, 0, 8]
    assert manifest["cores"][0]["destinations"][1] == {"core": 8, "pooling": 2, "feature_shift": 3}
    assert manifest["cores"][0]["capacity"] == {"kernel": 65536, "neuron": 65536, "bias": 1024}
    assert [note["code"] for note in manifest["notes"]] == ["ND124", "ND217"]


def test_numpy_numbers_become_plain() -> None:
    spec = tiny_spec(input_shape=(np.int64(1), np.int32(1), 1))
    assert json.dumps(manifest_of(spec)["input_shape"]) == "[1, 1, 1]"


@pytest.mark.parametrize("document", [None, [], "spec-v1", {}, {"schema": 1}, {"chip": "speck2f"}])
def test_foreign_documents(document: object) -> None:
    (finding,) = findings_of(document)
    assert (finding.code, finding.place) == ("ND601", "here")


@pytest.mark.parametrize("version", ["spec-v0", "spec-v2", "chip-v1", ""])
def test_other_versions(manifest: dict[str, Any], version: str) -> None:
    (finding,) = findings_of({**manifest, "schema": version, "unheard": "of"})
    assert (finding.code, finding.value, finding.limit) == ("ND604", version, "spec-v1")


@pytest.mark.parametrize(
    ("version", "said"), [("samna-configuration-v1", "export --to samna-json"), ("result-v1", "prints with --json")]
)
def test_another_document_is_named(version: str, said: str) -> None:
    with pytest.raises(
        StoreError, match=f"^ND608 another document, at net.json: this is .*{said}.*, not a spec; try the spec"
    ):
        check_manifest({"schema": version}, "net.json")


def test_all_departures_are_found(manifest: dict[str, Any]) -> None:
    core = manifest["cores"][0]
    core["threshold_high"] = 0
    core["threshold_low"] = 0
    core["scale"] = float("nan")
    core["weights"]["dtype"] = "int16"
    core["bias"]["shape"] = [2, 2]
    core["stride"] = [1.0, 2]
    core["surprise"] = 1
    del manifest["cores"][2]["name"]
    manifest["cores"][1]["return_to_zero"] = 0
    manifest["convention"]["v_min"] = "-theta"
    manifest["convention"]["dt"] = 0
    manifest["digest"] = "0"
    manifest["notes"][0]["severity"] = "fatal"
    findings = findings_of(manifest)
    assert {f.code for f in findings} == {"ND602"}
    assert [f.place.removeprefix("here: ") for f in findings] == [
        "$.convention.dt",
        "$.convention.v_min",
        "$.cores[0]",
        "$.cores[0].bias.shape",
        "$.cores[0].scale",
        "$.cores[0].stride[0]",
        "$.cores[0].threshold_high",
        "$.cores[0].threshold_low",
        "$.cores[0].weights.dtype",
        "$.cores[1].return_to_zero",
        "$.cores[2]",
        "$.digest",
        "$.notes[0].severity",
    ]


@pytest.mark.parametrize("field", ["chip", "convention", "spikes_per_step", "cores", "notes", "inputs", "digest"])
def test_nothing_may_be_missing(manifest: dict[str, Any], field: str) -> None:
    del manifest[field]
    (finding,) = findings_of(manifest)
    assert finding.found == f"{field!r} is a required property"


def test_positive_bounds_are_refused(manifest: dict[str, Any]) -> None:
    for bound in (0.5, "many"):
        manifest["convention"]["v_min"] = bound
        assert [f.place for f in findings_of(manifest)] == ["here: $.convention.v_min"]
    for bound in (-0.5, -3, 0, "none", "-threshold"):
        manifest["convention"]["v_min"] = bound
        check_manifest(manifest, "here")


@pytest.mark.parametrize("change", ["chip", "threshold", "order"])
def test_a_change_shows_in_the_digest(manifest: dict[str, Any], change: str) -> None:
    if change == "chip":
        manifest["chip"] = "speck2e"
    elif change == "threshold":
        manifest["cores"][1]["threshold_high"] += 1
    else:
        manifest["cores"][0]["destinations"].reverse()
    with pytest.raises(StoreError, match=f"ND603 .*the file says {full_spec().digest()}"):
        spec_of(check_manifest(manifest, "here"), arrays_of(full_spec()), "here")


def test_contradictions_are_found_beside_the_digest(manifest: dict[str, Any]) -> None:
    manifest["cores"][0]["memory"]["kernel"] += 1
    with pytest.raises(StoreError, match=r"ND626 .*here: \$.cores\[0\].memory.kernel"):
        spec_of(check_manifest(manifest, "here"), arrays_of(full_spec()), "here")


def test_loaded_records_are_records(manifest: dict[str, Any]) -> None:
    spec = spec_of(manifest, arrays_of(full_spec()), "here")
    assert isinstance(spec.cores[0].capacity, Memory)
    assert spec.find_core("π").core == 3
