"""Rule "threshold-aware": never farther from the floats than max-abs, and not expected to miss more spikes."""

from __future__ import annotations

import time

import hypothesis.strategies as st
import numpy as np
import pytest
from float_layers import build_layer
from hypothesis import given, settings

from nirdynap.errors import errors_of
from nirdynap.ir.layers import IntLayer, Layer
from nirdynap.lower.expected_spikes import expected_spikes
from nirdynap.lower.integers import discretize, parameter_error
from nirdynap.lower.scale_search import threshold_aware

PROPERTY = settings(deadline=None, max_examples=60)


def chosen(layer: Layer, bits: int = 8) -> IntLayer:
    """The layer in integers by the rule."""
    ((found,), findings) = discretize(
        (layer,), bias_bits=bits, spikes_per_step="many", choices=threshold_aware((layer,), bits)
    )
    assert not errors_of(findings)
    return found


def drawn(seed: int, ratio: float, outlier: float, bias: float | None) -> Layer:
    """Weights with an outlier, and a threshold of `ratio` times the largest."""
    weights = np.random.default_rng(seed).normal(size=(3, 2, 3, 3))
    weights.flat[0] *= outlier
    return build_layer(
        weights=weights,
        threshold=float(ratio * np.abs(weights).max()),
        bias=None if bias is None else [bias] * 3,
        input_shape=(2, 8, 8),
    )


LAYERS = st.builds(
    drawn,
    seed=st.integers(0, 2**32 - 1),
    ratio=st.floats(0.005, 100),
    outlier=st.sampled_from([1.0, 5.0, 30.0]),
    bias=st.none() | st.floats(-5, 5).filter(bool),
)


@PROPERTY
@given(layer=LAYERS, bits=st.sampled_from([8, 16]))
def test_it_is_never_farther_from_the_floats_than_max_abs(layer, bits):
    plain, _ = discretize((layer,), bias_bits=bits, spikes_per_step="many")
    found = chosen(layer, bits)
    expected = expected_spikes(layer)
    error = parameter_error(layer, found.weights, found.threshold_high, found.bias)
    assert found.quantisation.after == expected.error(found.weights, found.threshold_high, found.bias)
    if plain:
        (before,) = plain
        spikes = expected.error(before.weights, before.threshold_high, before.bias)
        assert found.quantisation.after <= found.quantisation.before == spikes
        assert error <= before.quantisation.after
    else:
        assert found.quantisation.before is None


@PROPERTY
@given(layer=LAYERS)
def test_twice_the_floats_give_the_same_integers(layer):
    once = chosen(layer)
    twice = chosen(
        build_layer(
            weights=2 * layer.weights,
            threshold=2 * layer.threshold,
            bias=None if layer.bias is None else 2 * layer.bias,
            input_shape=layer.input_shape,
        )
    )
    np.testing.assert_array_equal(once.weights, twice.weights)
    assert (once.threshold_high, once.quantisation) == (twice.threshold_high, twice.quantisation)
    assert (once.bias is None) == (twice.bias is None)
    if once.bias is not None:
        np.testing.assert_array_equal(once.bias, twice.bias)


@given(layer=LAYERS)
@settings(deadline=None, max_examples=20)
def test_it_chooses_the_same_again(layer):
    assert chosen(layer) == chosen(layer)


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), unit=st.floats(1e-3, 1e3), high=st.integers(1, 40), largest=st.integers(1, 20))
def test_what_is_whole_in_some_unit_stays_exact(seed, unit, high, largest):
    """Whole numbers and a threshold of that unit: nothing needs to be rounded, and nothing is."""
    whole = np.random.default_rng(seed).integers(-largest, largest + 1, (2, 2, 3, 3))
    whole.flat[0] = largest
    found = chosen(build_layer(weights=unit * whole, threshold=unit * high, input_shape=(2, 8, 8)))
    np.testing.assert_array_equal(found.weights.astype(int) * high, whole * found.threshold_high)
    assert found.quantisation.after == 0


def test_a_threshold_that_max_abs_rounds_to_nothing_is_rescued():
    layer = build_layer(weights=[[[[1.0, -0.5], [0.3, 1000.0]]]], threshold=0.5)
    _, findings = discretize((layer,), bias_bits=8, spikes_per_step="many")
    assert [finding.code for finding in errors_of(findings)] == ["ND402"]
    found = chosen(layer)
    assert (found.threshold_high, found.weights.ravel().tolist()) == (1, [2, -1, 1, 127])
    assert (found.quantisation.before, found.quantisation.candidates) == (None, 20)


def test_a_large_bias_leaves_the_weights_their_levels():
    weights = np.random.default_rng(1).uniform(-0.1, 0.1, (4, 2, 3, 3))
    layer = build_layer(weights=weights, threshold=0.5, bias=[5.0, 0.0, 0.01, 0.0], input_shape=(2, 8, 8))
    (plain,), _ = discretize((layer,), bias_bits=8, spikes_per_step="many")
    assert np.abs(plain.weights).max() <= 3
    assert np.abs(chosen(layer).weights).max() > 100


def test_thresholds_keep_away_from_the_end_of_the_membrane():
    layer = build_layer(weights=np.full((1, 1, 1, 1), 1 / 3), threshold=40.0)
    assert chosen(layer).threshold_high <= 32767 // 2


def test_the_scale_of_a_node_is_not_searched():
    assert threshold_aware((build_layer(scale=2.0),), 8) == (None,)


def test_a_layer_that_nothing_can_save_is_left_to_the_rule():
    assert threshold_aware((build_layer(weights=np.zeros((1, 1, 3, 3))),), 8) == (None,)


def test_a_large_layer_takes_about_a_second():
    weights = np.random.default_rng(0).normal(size=(64, 1024, 1, 1))
    layer = build_layer(weights=weights, threshold=8.3, input_shape=(1024, 1, 1))
    begin = time.process_time()
    threshold_aware((layer,), 8)
    assert time.process_time() - begin < 5, "it takes 0.9 s where nothing else runs"


def test_neurons_that_never_fire_are_judged_by_distance():
    layer = build_layer(weights=-np.abs(np.random.default_rng(2).normal(size=(2, 1, 3, 3))), threshold=0.02)
    plain, _ = discretize((layer,), bias_bits=8, spikes_per_step="many")
    found = chosen(layer)
    assert (found.quantisation.before, found.quantisation.after) == (0, 0)
    error = parameter_error(layer, found.weights, found.threshold_high, found.bias)
    assert error < plain[0].quantisation.after / 4


@pytest.mark.parametrize(
    ("given", "integers", "recorded"),
    [
        ((1, 0.01, 5.0, None, 8), (1, 1345, -25, None), (9, 0.039389711, 0.005801996, True)),
        ((2, 0.3, 30.0, None, 8), (37, 1070, 164, None), (9, 0.010993706, 0.009016394, False)),
        ((3, 0.3, 30.0, 2.0, 8), (38, 207, 125, 4), (6, 0.119289356, 0.119289356, False)),
        ((4, 3.0, 1.0, -0.4, 16), (374, 2398, -320, -22), (4, 0.006917934, 0.005658156, True)),
        ((5, 60.0, 30.0, None, 8), (7680, 340, -214, None), (4, 0.0, 0.0, False)),
        ((6, 0.05, 1.0, 4.5, 8), (6, 2008, 506, 211), (20, 0.024291317, 0.000708966, True)),
        ((7, 1.0, 5.0, 0.01, 16), (128, 1937, -733, 1), (2, 0.005638711, 0.005638711, False)),
    ],
)
def test_the_same_is_chosen_on_every_machine_and_in_every_release(given, integers, recorded):
    """Threshold, sums of the weights and a bias; candidates and errors. A better search may change them, on purpose."""
    *layer, bits = given
    found = chosen(drawn(*layer), bits)
    weights = found.weights.astype(int)
    bias = None if found.bias is None else found.bias[0]
    assert (found.threshold_high, np.abs(weights).sum(), weights.sum(), bias) == integers
    made = found.quantisation
    assert (made.candidates, made.before, made.after, made.weights_chosen) == recorded
    assert (made.rule, made.threshold_chosen) == ("threshold-aware", False)


@pytest.mark.parametrize("high", range(1, 65))
def test_small_thresholds_are_all_tried(high):
    """With such weights one threshold is exact: less makes fractions of them, and more leaves their range."""
    found = chosen(build_layer(weights=np.array([[[[101.0, 64.0, -77.0]]]]), threshold=float(high)))
    assert (found.threshold_high, found.weights.ravel().tolist()) == (high, [101, 64, -77])


def test_weights_of_zero_are_no_more_to_try():
    with_zero, without = (build_layer(weights=np.array([[[w]]]), threshold=2.3) for w in ([4.1, 0, -2], [4.1, -2]))
    assert chosen(with_zero).quantisation.candidates == chosen(without).quantisation.candidates


def test_a_threshold_of_zero_is_left_to_the_rule_to_refuse():
    assert threshold_aware((build_layer(threshold=0.0),), 8) == (None,)
