"""Each rule on a spec that breaks it, and none on specs that hold together."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from samples import DVS, camera_spec, chains, full_spec

from nirdynap.ir.digest import frozen
from nirdynap.ir.spec import Destination, InputPort, Memory, OutputPort, Spec
from nirdynap.store.coherence import incoherences


def with_core(position: int, **changes: Any) -> Spec:
    cores = list(full_spec().cores)
    cores[position] = dataclasses.replace(cores[position], **changes)
    return dataclasses.replace(full_spec(), cores=tuple(cores))


def test_a_whole_spec() -> None:
    assert incoherences(full_spec()) == ()
    assert incoherences(camera_spec()) == ()


@settings(deadline=None, max_examples=50)
@given(chains())
def test_chains_hold_together(spec: Spec) -> None:
    assert incoherences(spec) == ()


SPEC = full_spec()
FIRST, SECOND, LAST = SPEC.cores


@pytest.mark.parametrize(
    ("spec", "violations"),
    [
        (
            dataclasses.replace(SPEC, cores=(FIRST, SECOND, SECOND, LAST)),
            ["$.cores[2].core: core 0 is used twice"],
        ),
        (
            dataclasses.replace(SPEC, inputs=(InputPort(3, 0), InputPort(5, 0)), outputs=(OutputPort(7, 1, "a"),)),
            ["$.inputs[1].core: core 5 is not in use", "$.outputs[0].core: core 7 is not in use"],
        ),
        (
            dataclasses.replace(camera_spec(), input_shape=(1, 10, 44)),
            [
                "$.input_shape: has 1 channels, but a camera has two polarities",
                "$.dvs.size: reaches up to pixel 11x44 of a camera of 10x44",
            ],
        ),
        (
            dataclasses.replace(camera_spec(), dvs=dataclasses.replace(DVS, merge=True), inputs=(InputPort(3, 2),)),
            ["$.inputs[0].feature_shift: 3 features reach core 3, which takes in 2"],
        ),
        (
            dataclasses.replace(SPEC, cores=(SECOND, FIRST, LAST)),
            ["$.cores[1].destinations[0].core: core 0 does not come behind core 3"],
        ),
        (
            with_core(2, destinations=(Destination(core=8, pooling=1), Destination(core=4, pooling=1))),
            [
                "$.cores[2].destinations[0].core: core 8 does not come behind core 8",
                "$.cores[2].destinations[1].core: core 4 does not come behind core 8",
                "$.cores[2].destinations[0].feature_shift: 10 features reach core 8, which takes in 7",
            ],
        ),
        (
            dataclasses.replace(SPEC, inputs=(InputPort(3, 1),)),
            ["$.inputs[0].feature_shift: 3 features reach core 3, which takes in 2"],
        ),
        (
            with_core(1, destinations=(Destination(core=8, pooling=1, feature_shift=5),)),
            ["$.cores[1].destinations[0].feature_shift: 8 features reach core 8, which takes in 7"],
        ),
        (
            with_core(1, weights=frozen(np.ones((3, 3, 1, 2)), np.int8), memory=Memory(3 * 2 * 4, 6, 0)),
            ["$.cores[1].weights: 3 input channels, but input_shape has 4"],
        ),
        (
            with_core(1, stride=(2, 1)),
            ["$.cores[1].neuron_shape: is (3, 2, 1), but the convolution gives (3, 1, 1)"],
        ),
        (
            with_core(0, bias=frozen(np.ones(5), np.int16)),
            ["$.cores[0].bias: has shape (5,), expected (4,)"],
        ),
        (
            with_core(0, initial_state=frozen(np.ones((4, 5, 4)), np.int16)),
            ["$.cores[0].initial_state: has shape (4, 5, 4), expected (4, 4, 5)"],
        ),
        (
            with_core(0, memory=Memory(kernel=1, neuron=128, bias=0)),
            [
                "$.cores[0].memory.kernel: is 1, but the layer needs 128",
                "$.cores[0].memory.bias: is 0, but the layer needs 4",
            ],
        ),
        (
            with_core(0, capacity=Memory(kernel=128, neuron=127, bias=4)),
            ["$.cores[0].capacity.neuron: is 127, but the layer needs 128"],
        ),
    ],
)
def test_each_rule(spec: Spec, violations: list[str]) -> None:
    assert [str(v) for v in incoherences(spec)] == violations
