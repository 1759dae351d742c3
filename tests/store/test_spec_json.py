"""JSON files: how they look, and arrays that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from samples import full_spec, tiny_spec

from nirdynap.errors import StoreError
from nirdynap.schema import validate
from nirdynap.store import load, save
from nirdynap.store.spec_json import encode


def test_the_file_follows_the_published_schema() -> None:
    assert validate(json.loads(encode(full_spec())), "spec-v1") == ()


def test_how_the_file_looks() -> None:
    text = encode(full_spec()).decode("ascii")
    weights = full_spec().cores[1].weights
    rows = ",\n".join("   " + json.dumps(row.tolist(), separators=(",", ":")) for row in weights)
    assert f'\n  "core0.weights": [\n{rows}\n  ],\n' in text
    assert '\n "input_shape": [2, 8, 9],\n' in text
    assert text.startswith('{\n "arrays": {\n')
    assert text.endswith("\n}\n")
    assert max(map(len, text.splitlines())) < 300


def test_one_changed_weight_is_one_changed_line() -> None:
    before = encode(full_spec()).decode().splitlines()
    document = json.loads(encode(full_spec()))
    document["arrays"]["core8.weights"][4][0][0][0] += 1
    rows = document["arrays"]["core8.weights"]
    assert sum(json.dumps(row, separators=(",", ":")) not in "\n".join(before) for row in rows) == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([[[[5.0]]]], "holds something else than int8 integers"),
        ([[[["5"]]]], "holds something else than int8 integers"),
        ([[[[True]]]], "holds something else than int8 integers"),
        ([[[[None]]]], "holds something else than int8 integers"),
        ([[[[2**70]]]], "holds something else than int8 integers"),
        ([], "holds something else than int8 integers"),
        ([[[[128]]]], "holds numbers from 128 to 128, declared is int8"),
        ([[[[-129]]]], "holds numbers from -129 to -129, declared is int8"),
        ([[[5]]], "has shape (1, 1, 1), declared is (1, 1, 1, 1)"),
        ([[[[5, 6]]]], "has shape (1, 1, 1, 2), declared is (1, 1, 1, 1)"),
        ([[[[5], [6, 7]]]], "rows differ in length"),
    ],
)
def test_arrays_that_are_not_as_declared(tmp_path: Path, value: list[Any], reason: str) -> None:
    document = json.loads(encode(tiny_spec()))
    document["arrays"]["core0.weights"] = value
    path = tmp_path / "net.json"
    path.write_text(json.dumps(document))
    with pytest.raises(StoreError) as caught:
        load(path)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.place, finding.found) == ("ND602", f"{path}: $.arrays.core0.weights", reason)


def test_a_file_without_arrays(tmp_path: Path) -> None:
    document = json.loads(encode(full_spec()))
    del document["arrays"]
    (tmp_path / "net.json").write_text(json.dumps(document))
    with pytest.raises(StoreError) as caught:
        load(tmp_path / "net.json")
    assert [f.found for f in caught.value.diagnostics] == ["is missing"] * 5


def test_layout_is_free_for_who_writes_by_hand(tmp_path: Path) -> None:
    save(full_spec(), tmp_path / "net.json")
    document = json.loads((tmp_path / "net.json").read_text())
    (tmp_path / "net.json").write_text(json.dumps(document, indent=7, ensure_ascii=False), encoding="utf-8")
    assert load(tmp_path / "net.json") == full_spec()
