"""Two specs on one recording, whatever their layers are called."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nirdynap import InputError, Spec, simulate
from nirdynap.comparison.behaviour import Behaviour, behaviour_of
from nirdynap.ir.digest import frozen
from nirdynap.ir.spec import Destination, InputPort
from nirdynap.testing.build import build_core, build_spec
from nirdynap.verify.metrics import agreement, pairs_of

RASTER = np.array([1, 0, 2, 1, 3]).reshape(5, 1, 1, 1)


def spec(second: int = 5, features: int = 1, decimator: int = 1) -> Spec:
    """Two layers of one neuron each; the weight of the second decides when it fires."""
    first = build_core(0, [[[[4]]]], (1, 1, 1), threshold_high=4, destinations=[Destination(core=1, pooling=1)])
    weights = np.full((features, 1, 1, 1), second)
    return build_spec(first, build_core(1, weights, (1, 1, 1), threshold_high=10, decimator=decimator))


def renamed(found: Spec, names: dict[str, str]) -> Spec:
    cores = tuple(
        dataclasses.replace(c, name=names[c.name], origin=(names[c.name], f"{names[c.name]}.if")) for c in found.cores
    )
    return dataclasses.replace(
        found, cores=cores, outputs=tuple(p._replace(name=names.get(p.name, p.name)) for p in found.outputs)
    )


def run(a: Spec, b: Spec) -> Behaviour:
    return behaviour_of(a, b, RASTER, dt_us=1000, duration_us=None)


def test_counts_decisions_and_the_first_difference():
    a, b = spec(), spec(second=10)
    found = run(a, b)
    before, after = simulate(a, RASTER), simulate(b, RASTER)
    assert found.samples == 1
    assert found.layers == (
        agreement("conv0", pairs_of(before.counts[0], after.counts[0]), len(RASTER) / 1000),
        agreement("conv1", pairs_of(before.counts[1], after.counts[1]), len(RASTER) / 1000),
    )
    assert [row.equal for row in found.layers] == [1, 0]
    assert found.same_decisions == {"out1": 1}
    assert not found.same
    first = found.first_difference
    assert first is not None
    assert (first.layer, first.at, first.a, first.b) == ("conv1", 0, 0, 1)


def test_other_names_change_nothing():
    """Names that were exchanged would let each layer be compared with the other one."""
    a = spec()
    b = renamed(a, {"conv0": "conv1", "conv1": "conv0", "out1": "result"})
    found = run(a, b)
    assert found.same
    assert [row.layer for row in found.layers] == ["conv0", "conv1"]
    assert found.same_decisions == {"out1": 1}


def test_a_difference_in_decisions_alone_counts():
    same = Behaviour(samples=2, layers=(), same_decisions={"out": 2}, first_difference=None)
    assert same.same
    assert not dataclasses.replace(same, same_decisions={"out": 1}).same
    layer = agreement("x", pairs_of(np.array([1, 2]), np.array([1, 3])), 1.0)
    assert not dataclasses.replace(same, layers=(layer,)).same


def test_spikes_at_other_times_are_a_difference_though_counts_agree():
    a = spec()
    late = dataclasses.replace(a.cores[1], initial_state=frozen([[[-5]]], np.int16))
    found = run(a, dataclasses.replace(a, cores=(a.cores[0], late)))
    assert found.layers[1].equal == found.layers[1].neurons
    assert found.first_difference is not None
    assert not found.same


def test_layers_of_other_shapes_are_left_to_the_structure():
    found = run(spec(), spec(features=3))
    assert [row.layer for row in found.layers] == ["conv0"]
    assert found.first_difference is None


def test_a_layer_without_counterpart_keeps_a_name_of_its_own():
    """A layer more in `b`, which has the name that its other layer has in `a`."""
    one = build_core(0, [[[[4]]]], (1, 1, 1), threshold_high=4)
    more = build_core(1, [[[[7]]]], (1, 1, 1), threshold_high=3)
    b = build_spec(one, more, inputs=[InputPort(0, 0), InputPort(1, 0)])
    found = run(build_spec(one), renamed(b, {"conv0": "p", "conv1": "conv0", "out0": "p.out", "out1": "out0"}))
    assert [row.layer for row in found.layers] == ["conv0"]
    assert found.same
    assert found.same_decisions == {"out0": 1}


def test_a_recording_that_one_cannot_take():
    wide = build_spec(build_core(0, np.ones((1, 2, 1, 1)), (2, 1, 1)))
    with pytest.raises(InputError, match="ND504"):
        run(spec(), wide)
