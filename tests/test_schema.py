"""The validation helper, and the schemas themselves."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nirdynap.chips.chip import Camera, Chip, ClockLimits, Limits, ReadoutLimits, Source
from nirdynap.errors import Diagnostic
from nirdynap.ir.convention import Convention
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.quantisation import Quantisation
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.report import CoreRow, LayerRow, Report
from nirdynap.ir.result import CoreStats
from nirdynap.ir.spec import CoreSpec, Memory, Spec
from nirdynap.schema import validate
from nirdynap.shipped import shipped
from nirdynap.verify import (
    Agreement,
    Comparison,
    Difference,
    Divergence,
    Loss,
    Rung,
    RungLayer,
    Sensitivity,
    Verification,
    Waterfall,
)
from nirdynap.verify.history import Side, Update
from nirdynap.verify.pushes import Push
from nirdynap.verify.sensitivity import Disturbed, LayerChange, Share

SCHEMAS = ("chip-v1", "spec-v1", "result-v1")


def load(schema: str) -> dict[str, Any]:
    return json.loads(shipped("schemas", f"{schema}.schema.json").read_text(encoding="utf-8"))


def fields_of(record: type) -> set[str]:
    return set(record._fields if issubclass(record, tuple) else (f.name for f in dataclasses.fields(record)))


def objects_of(rules: object, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a schema that describes an object, except where a choice between two such parts does."""
    if isinstance(rules, dict):
        if "properties" in rules and "else" not in rules and not path.endswith((".if", ".then")):
            yield path, rules
        for key, value in rules.items():
            yield from objects_of(value, f"{path}.{key}")
    elif isinstance(rules, list):
        for i, value in enumerate(rules):
            yield from objects_of(value, f"{path}[{i}]")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schemas_are_schemas(schema: str) -> None:
    rules = load(schema)
    Draft202012Validator.check_schema(rules)
    assert rules["title"] == schema
    assert rules["properties"]["schema"] == {"const": schema}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schemas_are_strict(schema: str) -> None:
    objects = list(objects_of(load(schema)))
    assert objects
    for path, rules in objects:
        assert rules.get("additionalProperties") is False, path
        assert set(rules["required"]) <= set(rules["properties"]), path


@pytest.mark.parametrize(
    ("schema", "part", "record"),
    [
        ("chip-v1", "core", Memory),
        ("chip-v1", "limits", Limits),
        ("chip-v1", "camera", Camera),
        ("chip-v1", "clock", ClockLimits),
        ("result-v1", "clock", ClockLimits),
        ("chip-v1", "readout", ReadoutLimits),
        ("result-v1", "readout", ReadoutLimits),
        ("spec-v1", "readout_options", ReadoutOptions),
        ("result-v1", "readout_options", ReadoutOptions),
        ("chip-v1", "source", Source),
        ("spec-v1", "dvs", DvsLayer),
        ("result-v1", "camera", Camera),
        ("result-v1", "dvs", DvsLayer),
        ("spec-v1", "convention", Convention),
        ("spec-v1", "core", CoreSpec),
        ("spec-v1", "quantisation", Quantisation),
        ("result-v1", "quantisation", Quantisation),
        ("spec-v1", "diagnostic", Diagnostic),
        ("spec-v1", "memory", Memory),
        ("result-v1", "core_row", CoreRow),
        ("result-v1", "diagnostic", Diagnostic),
        ("result-v1", "layer_row", LayerRow),
        ("result-v1", "limits", Limits),
        ("result-v1", "memory", Memory),
        ("result-v1", "settings", Convention),
        ("result-v1", "source", Source),
        ("result-v1", "rung", Rung),
        ("result-v1", "comparison", Comparison),
        ("result-v1", "agreement", Agreement),
        ("result-v1", "difference", Difference),
        ("result-v1", "divergence", Divergence),
        ("result-v1", "update", Update),
        ("result-v1", "side", Side),
        ("result-v1", "push", Push),
        ("result-v1", "sensitivity", Sensitivity),
        ("result-v1", "disturbed", Disturbed),
        ("result-v1", "layer_change", LayerChange),
        ("result-v1", "share", Share),
    ],
)
def test_schemas_have_the_fields_of_the_records(schema: str, part: str, record: type) -> None:
    assert set(load(schema)["$defs"][part]["properties"]) == fields_of(record)


def test_bodies_have_the_fields_of_the_records() -> None:
    bodies = load("result-v1")["$defs"]
    assert set(bodies["check"]["properties"]) == fields_of(Report) - {"diagnostics"}
    assert set(bodies["simulate"]["properties"]["cores"]["items"]["properties"]) == fields_of(CoreStats) | {
        "core",
        "name",
    }
    assert set(bodies["rung"]["properties"]["layers"]["items"]["properties"]) == fields_of(RungLayer)
    assert set(bodies["verify"]["properties"]) == (fields_of(Verification) - {"spec", "notes"}) | {
        *("chip", "convention", "digest", "correct", "accuracy_interval", "waterfall")
    }
    assert set(bodies["waterfall"]["properties"]) == fields_of(Waterfall)
    assert set(bodies["waterfall"]["properties"]["losses"]["items"]["properties"]) == fields_of(Loss)
    assert set(bodies["chips"]["properties"]["chips"]["items"]["properties"]) == fields_of(Chip)
    assert set(bodies["core_view"]["properties"]) == (fields_of(CoreSpec) - {"weights", "bias", "initial_state"}) | {
        *("kernel", "has_bias")
    }
    assert set(load("spec-v1")["properties"]) == fields_of(Spec) | {"schema", "digest", "arrays"}
    assert set(load("chip-v1")["properties"]) == fields_of(Chip) | {"schema"}


def result_of(command: str, body: object) -> dict[str, Any]:
    diagnostic = dict.fromkeys(fields_of(Diagnostic), "words") | {"code": "ND301", "severity": "note"}
    return {
        "schema": "result-v1",
        "command": command,
        "nirdynap": "0.1.0",
        "diagnostics": [diagnostic | {"value": 3, "limit": None}],
        "body": body,
    }


DIGEST = "0" * 64
MEMORY = {"kernel": 1, "neuron": 2, "bias": 0}
ROW = {
    "name": "fc",
    "origin": ["fc", "if"],
    "input_shape": [1, 2, 3],
    "neuron_shape": [4, 1, 1],
    "memory": MEMORY,
    "candidates": [0, 1],
    "core": None,
}
CORE_VIEW = {
    "core": 0,
    "name": "fc",
    "origin": ["fc"],
    "input_shape": [1, 2, 3],
    "neuron_shape": [4, 1, 1],
    "kernel": [2, 3],
    "stride": [1, 1],
    "padding": [0, 0],
    "has_bias": False,
    "threshold_high": 1,
    "threshold_low": -1,
    "return_to_zero": True,
    "scale": 0.5,
    "destinations": [{"core": 1, "pooling": 2, "feature_shift": 0}],
    "memory": MEMORY,
    "capacity": MEMORY,
    "decimator": 1,
    "first_channel": 0,
    "spacing": 1,
    "quantisation": {
        "rule": "max-abs",
        "candidates": 1,
        "before": 0.02,
        "after": 0.02,
        "clipped": 0,
        "threshold_chosen": False,
        "weights_chosen": False,
    },
}
SETTINGS = {
    "name": "nir",
    "tie": "fires",
    "reset": "file",
    "v_min": "none",
    "spikes_per_step": "one",
    "gain": "r",
    "flatten": "chw",
    "delay": 0,
    "dt": None,
    "integration": "euler",
    "reset_time": "now",
    "leak": "refuse",
    "drop_delay": False,
}
RUNG = {
    "name": "event",
    "about": "the chip",
    "layers": [{"name": "fc", "spikes": 7, "ties": 0, "saturated": 0, "dropped": 0}],
    "decisions": {"output": [3, -1]},
    "repeats": False,
}
COMPARISON = {
    "reference": "clocked",
    "rung": "event",
    "layers": [
        {
            "layer": "fc",
            "neurons": 4,
            "equal": 3,
            "within_one": 4,
            "largest_difference": 1,
            "spikes": 7,
            "reference_spikes": 8,
            "correlation": None,
            "rate_error_hz": 83.3,
            "earth_mover_hz": 0.0,
        }
    ],
    "same_decisions": {"output": 1},
    "first_difference": {
        "layer": "fc",
        "sample": 0,
        "step": 2,
        "channel": 1,
        "y": 0,
        "x": 0,
        "value": 2,
        "reference": 3,
    },
}
WATERFALL = {
    "against": "labels",
    "samples": 1,
    "rungs": ["single", "event"],
    "first": 1,
    "last": 0,
    "losses": [{"reference": "single", "rung": "event", "lost": 1, "gained": 0, "changed": 1}],
}
SUMMARY = {"nodes": 3, "edges": 2, "weights": 24, "checksum": DIGEST}
NODE = {"name": "fc", "type": "Linear", "parameters": 24, "settings": {"bias": "none"}}
BODIES: dict[str, list[dict[str, Any]]] = {
    "check": [
        {
            "fits": False,
            "chip": "speck2f",
            "convention": "nir",
            "settings": None,
            "layers": [ROW],
            "cores": [{"core": 0, "capacity": MEMORY, "layer": None}],
            "digest": None,
        }
    ],
    "convert": [
        {
            "chip": "speck2f",
            "convention": "nir",
            "digest": DIGEST,
            "weights_digest": DIGEST,
            "output": "net.h5",
            "integers": [{"layer": "conv", "quantisation": None}],
        }
    ],
    "export": [{"chip": "speck2f", "digest": DIGEST, "output": "net.nir"}],
    "show": [
        {
            "kind": "network",
            "version": None,
            "in_the_file": SUMMARY,
            "as_read": SUMMARY,
            "convention": "nir",
            "settings": SETTINGS,
            "why": "as asked for",
            "nodes": [NODE | {"input_shape": [1, 2, 3], "output_shape": [4, 1, 1]}],
            "edges": [{"source": "input", "target": "fc", "feature_shift": 0}],
        },
        {
            "kind": "network",
            "version": "1.0.4",
            "in_the_file": SUMMARY,
            "as_read": None,
            "convention": "nir",
            "settings": None,
            "why": None,
            "nodes": [NODE | {"input_shape": None, "output_shape": None}],
            "edges": [],
        },
        {
            "kind": "spec",
            "chip": "speck2f",
            "convention": "nir",
            "settings": SETTINGS,
            "digest": DIGEST,
            "weights_digest": DIGEST,
            "spikes_per_step": "one",
            "input_shape": [1, 2, 3],
            "inputs": [{"core": 0, "feature_shift": 0}],
            "outputs": [{"core": 0, "pooling": 1, "name": "output", "feature_shift": 0}],
            "dvs": None,
            "slow_clock": {"hz": 1000},
            "readout": None,
            "cores": [CORE_VIEW],
        },
    ],
    "simulate": [
        {
            "semantics": "event",
            "chip": "speck2f",
            "digest": DIGEST,
            "dt_us": 1000,
            "samples": 1,
            "labels": None,
            "dvs_dropped": 0,
            "cores": [{"core": 0, "name": "fc", "spikes": 1, "synaptic_operations": 2, "saturated": 0, "dropped": 0}],
            "outputs": {"output": {"shape": [4, 1, 1], "counts": [[0, 1, 0, 0]], "decision": [-1], "correct": None}},
            "readout": [{"ticks": [1000], "averages": [[0, 1]], "winners": [2], "pins": [0], "values": [1179649]}],
        }
    ],
    "verify": [
        {
            "chip": "speck2f",
            "convention": "nir",
            "digest": DIGEST,
            "samples": 1,
            "steps": 3,
            "dt_us": 1000,
            "bias_clock_us": 1000,
            "order": "depth",
            "emission": "raster",
            "rungs": [RUNG],
            "comparisons": [COMPARISON],
            "labels": [3],
            "dvs_dropped": 0,
            "correct": {"event": 1},
            "accuracy_interval": {"event": [0.2, 1.0]},
            "waterfall": WATERFALL,
            "recorded": None,
        },
    ],
    "locate": [{"a": "a.nir, float", "b": "b.nir, clocked", "divergence": None}],
    "sensitivity": [
        {
            "digest": DIGEST,
            "semantics": "event",
            "samples": 5,
            "repeats": 2,
            "seed": 0,
            "correct": None,
            "disturbed": [],
        }
    ],
    "chips": [{"chips": []}],
    "demo": [
        {
            "chip": "speck2f",
            "digest": DIGEST,
            "folder": "demo-output",
            "files": ["digits.h5"],
            "accuracy": [{"rung": "float", "samples": 10, "correct": 9}],
        }
    ],
}


@pytest.mark.parametrize("command", BODIES)
def test_results(command: str) -> None:
    assert validate(result_of(command, None), "result-v1") == ()
    for body in BODIES[command]:
        assert validate(result_of(command, body), "result-v1") == ()
        assert [v.path for v in validate(result_of(command, body | {"surprise": 1}), "result-v1")] == ["$.body"]
        for field in body:
            shorter = {name: value for name, value in body.items() if name != field}
            assert [v.path for v in validate(result_of(command, shorter), "result-v1")][:1] == ["$.body"]


def test_a_body_belongs_to_its_command() -> None:
    (body,) = BODIES["chips"]
    assert validate(result_of("demo", body), "result-v1")
    assert [v.path for v in validate(result_of("dance", body), "result-v1")] == ["$.command"]


@pytest.fixture
def document() -> dict[str, Any]:
    core = {"kernel": 16, "neuron": 32, "bias": 0}
    limits = {
        "kernel_size": 16,
        "strides": [1, 2],
        "padding": 7,
        "poolings": [1],
        "input_map": 128,
        "output_map": 64,
        "features": 1024,
        "destinations": 2,
        "feature_shift": 1023,
    }
    return {
        "schema": "chip-v1",
        "name": "toy",
        "description": "a toy",
        "devices": [],
        "parallel": [],
        "cores": [dict(core) for _ in range(12)],
        "limits": limits,
        "sources": [],
    }


def test_a_valid_document(document: dict[str, Any]) -> None:
    assert validate(document, "chip-v1") == ()


def test_all_violations_in_the_order_of_their_paths(document: dict[str, Any]) -> None:
    for i in (10, 2, 9):
        document["cores"][i]["bias"] = -i
    document["limits"]["padding"] = "7"
    del document["name"]
    assert [str(v) for v in validate(document, "chip-v1")] == [
        "$: 'name' is a required property",
        "$.cores[2].bias: -2 is less than the minimum of 0",
        "$.cores[9].bias: -9 is less than the minimum of 0",
        "$.cores[10].bias: -10 is less than the minimum of 0",
        "$.limits.padding: '7' is not of type 'integer'",
    ]


@pytest.mark.parametrize("value", [7.0, 7.5, True, float("nan"), float("inf"), None, "7"])
def test_only_integers_are_integers(document: dict[str, Any], value: object) -> None:
    document["limits"]["padding"] = value
    (violation,) = validate(document, "chip-v1")
    assert violation.path == "$.limits.padding"
    assert violation.message == f"{value!r} is not of type 'integer'"


def test_long_messages_are_cut_in_the_middle(document: dict[str, Any]) -> None:
    document["cores"] = "x" * 1000
    (violation,) = validate(document, "chip-v1")
    assert len(violation.message) <= 160
    assert violation.message.startswith("'xxx")
    assert violation.message.endswith("xxx' is not of type 'array'")


@pytest.mark.parametrize("document", [None, 3, [], "chip"])
def test_a_document_of_another_kind(document: object) -> None:
    (violation,) = validate(document, "chip-v1")
    assert violation.path == "$"
    assert violation.message.endswith("is not of type 'object'")


def test_an_unknown_schema() -> None:
    with pytest.raises(FileNotFoundError, match="chip-v0"):
        validate({}, "chip-v0")


def test_the_validator_is_loaded_only_when_needed() -> None:
    code = "import sys, nirdynap.chips.chip as c; c.load_chip('speck2f'); sys.exit('jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
