"""Layers in integers: by rule "max-abs", as their nodes say, or as a search has chosen."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from float_layers import build_layer

from nirdynap.ir.quantisation import Quantisation
from nirdynap.lower.discretize import discretize_conv_if
from nirdynap.lower.guards import guards
from nirdynap.lower.integers import Choice, discretize, parameter_error


def test_each_layer_has_a_scale_of_its_own_and_findings_of_all_are_kept():
    layers = (
        build_layer("a"),
        build_layer("dead", weights=np.zeros((1, 1, 3, 3))),
        build_layer("b", weights=np.full((2, 1, 3, 3), -4.0), threshold=0.02),
        build_layer("low", v_min=0.0),
    )
    done, findings = discretize(layers, bias_bits=8, spikes_per_step="many")
    assert [(core.name, core.scale) for core in done] == [("a", 127), ("b", 32), ("low", 127)]
    guarded = [("ND425", "$.nodes.b"), ("ND427", "$.nodes.b")]
    assert [(d.code, d.place) for d in findings] == [("ND401", "$.nodes.dead"), *guarded, ("ND405", "$.nodes.low")]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("tie", ["fires", "waits"])
@pytest.mark.parametrize("spikes", ["one", "many"])
def test_waiting_at_the_threshold_takes_one_more_where_that_is_exact(reset, tie, spikes):
    ((core,), _) = discretize((build_layer(reset=reset, tie=tie),), bias_bits=8, spikes_per_step=spikes)
    exact = (tie, reset, spikes) == ("waits", "zero", "one")
    assert core.threshold_high == 127 + exact
    assert core.return_to_zero == (reset == "zero")


def test_no_room_for_the_one_more():
    layer = build_layer(weights=np.full((1, 1, 3, 3), 1e-3), reset="zero", tie="waits")
    done, findings = discretize((layer,), bias_bits=8, spikes_per_step="one")
    assert done == ()
    assert [d.code for d in findings if d.severity == "error"] == ["ND404"]


def test_everything_else_is_carried_over():
    layer = build_layer(bias=[0.5, -0.5], stride=(2, 1), padding=(1, 0), v_min=-1.0, input_shifts=(0, 1))
    layer = dataclasses.replace(layer, decimator=3, spacing=2)
    ((core,), _) = discretize((layer,), bias_bits=8, spikes_per_step="many")
    for field in dataclasses.fields(core):
        if field.name in {f.name for f in dataclasses.fields(layer)} - {"weights", "bias", "scale"}:
            assert getattr(core, field.name) == getattr(layer, field.name)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("scale", [None, 3.0])
def test_a_layer_has_the_integers_of_its_parameters(bits, scale):
    weights = np.random.default_rng(3).normal(size=(2, 1, 3, 3))
    layer = build_layer(weights=weights, bias=[7.5, -0.5], v_min=-2.0, threshold=3.0, scale=scale)
    ((core,), findings) = discretize((layer,), bias_bits=bits, spikes_per_step="many")
    alone = discretize_conv_if(weights, 3.0, bias=[7.5, -0.5], v_min=-2.0, bias_bits=bits, scale=scale)
    np.testing.assert_array_equal(core.weights, alone.weights)
    np.testing.assert_array_equal(core.bias, alone.bias)
    assert (core.threshold_high, core.threshold_low, core.scale) == (
        alone.threshold_high,
        alone.threshold_low,
        alone.scale,
    )
    assert core.quantisation is not None
    assert (core.quantisation.rule, core.quantisation.candidates) == ("given" if scale else "max-abs", 1)
    assert core.quantisation.before == (None if scale else core.quantisation.after)
    assert core.quantisation.after > 0
    assert [d.code for d in findings] == [d.code for d in (*alone.findings, *guards(layer, core))]


def test_the_one_more_may_be_the_last_there_is():
    layer = build_layer(threshold=32766.0, scale=1.0, reset="zero", tie="waits")
    ((core,), _) = discretize((layer,), bias_bits=8, spikes_per_step="one")
    assert core.threshold_high == 32767
    over = build_layer(threshold=32767.0, scale=1.0, reset="zero", tie="waits")
    _, (finding,) = discretize((over,), bias_bits=8, spikes_per_step="one")
    assert (finding.code, finding.place, finding.value, finding.limit) == ("ND404", "$.nodes.conv", 32768, 32767)


def test_the_error_of_integers_is_that_of_weights_in_units_of_the_threshold():
    layer = build_layer(weights=np.array([[[[1.0, 0.4]]]]), threshold=2.0)
    assert parameter_error(layer, np.array([[[[1, 0]]]]), 2, None) == pytest.approx(math.sqrt(0.16 / 1.16))
    assert parameter_error(layer, np.array([[[[5, 2]]]]), 10, None) == 0
    assert parameter_error(layer, np.array([[[[5, 2]]]]), 20, None) == pytest.approx(0.5)


def test_the_error_of_a_bias_counts_like_that_of_a_weight():
    layer = build_layer(weights=np.array([[[[6.0]]]]), bias=[8.0], threshold=2.0)
    assert parameter_error(layer, np.array([[[[30]]]]), 10, np.array([40])) == 0
    assert parameter_error(layer, np.array([[[[30]]]]), 10, np.array([45])) == pytest.approx(0.1)
    assert parameter_error(layer, np.array([[[[30]]]]), 10, None) == pytest.approx(0.8)


# --- as chosen --------------------------------------------------------------------------------------------------------


def chosen(layer, **choice):
    fields = {"rule": "threshold-aware", "candidates": 7, "before": 0.5, "after": 0.25, "scale": 10.0} | choice
    return discretize((layer,), bias_bits=8, spikes_per_step="many", choices=(Choice(**fields),))


def test_a_choice_is_followed_and_remembered():
    layer = build_layer(weights=np.array([[[[1.04, -20.0]]]]), bias=[900.0], threshold=0.5, v_min=-1.0)
    ((core,), findings) = chosen(layer)
    np.testing.assert_array_equal(core.weights, [[[[10, -128]]]])
    assert (core.bias.tolist(), core.threshold_high, core.threshold_low, core.scale) == ([9000], 5, -10, 10.0)
    assert core.quantisation == Quantisation(rule="threshold-aware", candidates=7, before=0.5, after=0.25, clipped=1)
    assert ("ND410", "$.nodes.conv", 1, 3) in [(d.code, d.place, d.value, d.limit) for d in findings]


def test_a_threshold_and_weights_may_be_chosen():
    layer = build_layer(weights=np.array([[[[1.04, -2.0]]]]), threshold=0.5, v_min=-1.0)
    ((core,), _) = chosen(layer, threshold_high=6, weights=np.array([[[[11, -20]]]]))
    np.testing.assert_array_equal(core.weights, [[[[11, -20]]]])
    assert core.weights.dtype == np.int8
    assert (core.threshold_high, core.threshold_low) == (6, -12)
    assert (core.quantisation.threshold_chosen, core.quantisation.weights_chosen) == (True, True)
    ((same,), _) = chosen(layer, threshold_high=5)
    assert (same.threshold_high, same.quantisation.threshold_chosen, same.quantisation.weights_chosen) == (
        5,
        False,
        False,
    )


def test_layers_without_a_choice_follow_max_abs():
    layers = (build_layer(), dataclasses.replace(build_layer(), name="other"))
    choice = Choice(rule="calibrated", candidates=2, before=None, after=0.0, scale=3.0)
    done, _ = discretize(layers, bias_bits=8, spikes_per_step="many", choices=(None, choice))
    plain, _ = discretize(layers, bias_bits=8, spikes_per_step="many")
    assert [core.quantisation.rule for core in done] == ["max-abs", "calibrated"]
    assert done[0] == plain[0]
    assert done[1].scale == 3.0
