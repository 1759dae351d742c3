"""Each field of a spec holds what its class declares, down to the last part, or is named with what is due."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from tests.store.samples import camera_spec, full_spec

from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, Memory, OutputPort, Spec
from nirdynap.lower.typed import fields_hold_what_they_should

SPEC = camera_spec()


def said(spec: Spec) -> list[str]:
    findings = list(fields_hold_what_they_should(spec))
    assert {finding.code for finding in findings} <= {"ND663"}
    return [f"{finding.place}: {finding.found}" for finding in findings]


def with_core(position: int, **changes: Any) -> Spec:
    cores = list(SPEC.cores)
    cores[position] = replace(cores[position], **changes)
    return replace(SPEC, cores=tuple(cores))


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        full_spec(),
        replace(SPEC, slow_clock=ExternalClock(hz=np.int32(7))),
        replace(SPEC, convention=replace(SPEC.convention, v_min="none", dt=None)),
        replace(SPEC, convention=replace(SPEC.convention, v_min=-1, dt=np.float32(0.5), reset="file")),
        replace(SPEC, dvs=replace(SPEC.dvs, merge=np.True_)),
        replace(SPEC, inputs=(), outputs=(), cores=(), notes=()),
        with_core(0, scale=2, threshold_high=np.int16(5), name=np.str_("a"), initial_state=None),
        with_core(1, scale=np.float64(2), bias=None, origin=()),
    ],
)
def test_what_is_as_declared(spec: Spec) -> None:
    assert said(spec) == []


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"threshold_high": 1.5}, "threshold_high: threshold_high is 1.5, expected a whole number"),
        ({"threshold_high": True}, "threshold_high: threshold_high is True, expected a whole number"),
        ({"threshold_low": -3.7}, "threshold_low: threshold_low is -3.7, expected a whole number"),
        ({"decimator": 2.0}, "decimator: decimator is 2.0, expected a whole number"),
        ({"core": None}, "core: core is None, expected a whole number"),
        ({"name": 3}, "name: name is 3, expected a text"),
        ({"origin": ("a", 3)}, "origin[1]: origin[1] is 3, expected a text"),
        ({"origin": "ab"}, "origin: origin is 'ab', expected a tuple, each of its elements a text"),
        ({"return_to_zero": "no"}, "return_to_zero: return_to_zero is 'no', expected True or False"),
        ({"return_to_zero": 1}, "return_to_zero: return_to_zero is 1, expected True or False"),
        ({"scale": "1"}, "scale: scale is '1', expected a number"),
        ({"scale": True}, "scale: scale is True, expected a number"),
        ({"scale": 1j}, "scale: scale is a complex, expected a number"),
        ({"padding": 1}, "padding: padding is 1, expected a tuple of 2, each of them a whole number"),
        ({"padding": (1, 2, 3)}, "padding: padding is (1, 2, 3), expected a tuple of 2, each of them a whole number"),
        ({"stride": [1, 1]}, "stride: stride is [1, 1], expected a tuple of 2, each of them a whole number"),
        ({"stride": (1, "a")}, "stride[1]: stride[1] is 'a', expected a whole number"),
        (
            {"input_shape": (1,) * 12},
            f"input_shape: input_shape is {(1,) * 12}, expected a tuple of 3, each of them a whole number",
        ),
        (
            {"input_shape": (1,) * 14},
            "input_shape: input_shape is a tuple, expected a tuple of 3, each of them a whole number",
        ),
        ({"bias": [1] * 3}, "bias: bias is [1, 1, 1], expected a numpy array or None"),
        ({"bias": [10] * 10}, "bias: bias is a list, expected a numpy array or None"),
        ({"weights": None}, "weights: weights is None, expected a numpy array"),
        ({"memory": (1, 2, 3)}, "memory: memory is (1, 2, 3), expected a Memory"),
        ({"memory": Memory(1, 2.0, 3)}, "memory.neuron: neuron is 2.0, expected a whole number"),  # type: ignore[arg-type]
        (
            {"destinations": [8]},
            "destinations: destinations is [8], expected a tuple, each of its elements a Destination",
        ),
        ({"destinations": (8,)}, "destinations[0]: destinations[0] is 8, expected a Destination"),
        (
            {"destinations": (Destination(core=8, pooling=1), Destination(core=8, pooling=1.0))},  # type: ignore[arg-type]
            "destinations[1].pooling: pooling is 1.0, expected a whole number",
        ),
    ],
)
def test_fields_of_a_core(changes: dict[str, Any], violation: str) -> None:
    assert said(with_core(1, **changes)) == [f"$.cores[1].{violation}"]


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"cores": None}, "cores: cores is None, expected a tuple, each of its elements a CoreSpec"),
        ({"chip": 3}, "chip: chip is 3, expected a text"),
        ({"inputs": ((3, 0),)}, "inputs[0]: inputs[0] is (3, 0), expected an InputPort"),
        (
            {"inputs": (InputPort(3, 0), InputPort(3, "0"))},
            "inputs[1].feature_shift: feature_shift is '0', expected a whole number",
        ),  # type: ignore[arg-type]
        ({"outputs": (3,)}, "outputs[0]: outputs[0] is 3, expected an OutputPort"),
        ({"outputs": (OutputPort(8, 1, 2),)}, "outputs[0].name: name is 2, expected a text"),  # type: ignore[arg-type]
        ({"convention": "torch"}, "convention: convention is 'torch', expected a Convention"),
        (
            {"convention": replace(SPEC.convention, reset=None)},  # type: ignore[arg-type]
            "convention.reset: reset is None, expected 'subtract' or 'zero' or 'file'",
        ),
        (
            {"convention": replace(SPEC.convention, v_min="1")},  # type: ignore[arg-type]
            "convention.v_min: v_min is '1', expected a number or 'none' or '-threshold'",
        ),
        (
            {"convention": replace(SPEC.convention, dt="1 ms")},  # type: ignore[arg-type]
            "convention.dt: dt is '1 ms', expected a number or None",
        ),
        ({"dvs": True}, "dvs: dvs is True, expected a DvsLayer or None"),
        (
            {"dvs": replace(SPEC.dvs, size=(9.0, 8))},  # type: ignore[type-var]
            "dvs.size[0]: size[0] is 9.0, expected a whole number",
        ),
        ({"slow_clock": 100}, "slow_clock: slow_clock is 100, expected an ExternalClock or an InternalClock or None"),
        (
            {"slow_clock": InternalClock(divider="1")},  # type: ignore[arg-type]
            "slow_clock.divider: divider is '1', expected a whole number",
        ),
        ({"readout": True}, "readout: readout is True, expected a ReadoutOptions or None"),
        ({"notes": ("odd",)}, "notes[0]: notes[0] is 'odd', expected a Diagnostic"),
        ({"spikes_per_step": "two"}, "spikes_per_step: spikes_per_step is 'two', expected 'one' or 'many'"),
        ({"spikes_per_step": 1}, "spikes_per_step: spikes_per_step is 1, expected 'one' or 'many'"),
    ],
)
def test_fields_of_a_spec(changes: dict[str, Any], violation: str) -> None:
    assert said(replace(SPEC, **changes)) == [f"$.{violation}"]


def test_all_fields_that_are_wrong_are_named() -> None:
    spec = replace(with_core(2, threshold_high="1", weights=0), chip=None, input_shape=(2.0, 11, None))  # type: ignore[arg-type]
    places = [finding.place for finding in fields_hold_what_they_should(spec)]
    assert places == [
        "$.chip",
        "$.input_shape[0]",
        "$.input_shape[2]",
        "$.cores[2].weights",
        "$.cores[2].threshold_high",
    ]


@pytest.mark.parametrize("record", [Spec, CoreSpec])
def test_no_field_is_left_out(record: type) -> None:
    """A field that holds some object is wrong, whichever field it is."""
    for field in fields(record):
        value = {field.name: object()}
        spec = with_core(0, **value) if record is CoreSpec else replace(SPEC, **value)
        (finding,) = fields_hold_what_they_should(spec)
        assert finding.place.split(".")[-1] == field.name
        assert f"{field.name} is an object" in finding.found
