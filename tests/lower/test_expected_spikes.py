"""The error that rule "threshold-aware" states."""

from __future__ import annotations

import numpy as np
import pytest
from float_layers import build_layer

from nirdynap.lower.expected_spikes import expected_spikes


def error(layer, weights, threshold, bias=None):
    return expected_spikes(layer).error(np.array(weights).reshape(layer.weights.shape), threshold, bias)


def test_the_same_in_other_units_is_no_error():
    layer = build_layer(weights=[[[[1.0, -0.5]]]], threshold=2.0, bias=[0.25], input_shape=(1, 1, 2))
    assert error(layer, [4, -2], 8, [1]) == 0


def test_a_threshold_a_tenth_too_high_loses_a_tenth_of_the_spikes():
    layer = build_layer(weights=[[[[1.0, 1.0]]]], threshold=10.0, input_shape=(1, 1, 2))
    assert error(layer, [1, 1], 11) == pytest.approx(1 - 10 / 11)


def test_above_the_threshold_an_event_makes_one_spike_whatever_its_weight():
    layer = build_layer(weights=[[[[50.0, 80.0]]]], threshold=1.0, input_shape=(1, 1, 2))
    assert error(layer, [20, 20], 1) == 0


def test_a_weight_that_is_rounded_to_0_loses_its_events():
    """Here every event fires the neuron, which has more than enough from the other input."""
    layer = build_layer(weights=[[[[100.0, 0.1]]]], threshold=1.0, input_shape=(1, 1, 2))
    assert error(layer, [100, 1], 1) == 0
    assert error(layer, [100, 0], 1) == pytest.approx(0.5, abs=0.1)


def test_what_never_fires_makes_no_error_until_it_does():
    layer = build_layer(weights=[[[[-1.0, -1.0]]]], threshold=1.0, input_shape=(1, 1, 2))
    assert error(layer, [-3, -2], 1) == 0
    assert error(layer, [1, 1], 1) == 1
    assert error(layer, [1, 1], 100) == 1


def test_the_rates_are_these():
    """Raw bits and a logarithm: the same on every machine, so that the same integers are chosen."""
    rates = expected_spikes(build_layer(weights=np.ones((1, 2, 3, 3)), input_shape=(2, 8, 8))).rates
    assert rates.shape == (17, 18)
    assert (rates[0] == 1).all()
    np.testing.assert_allclose(rates.mean(axis=1), 1)
    np.testing.assert_allclose(rates[1, :3], [1.0205900366123761, 4.276994796632491, 0.22156230854192702], rtol=1e-12)
    np.testing.assert_allclose(rates[16, -3:], [1.1334352123112157, 1.063418155142051, 1.6986735987379022], rtol=1e-12)


@pytest.mark.parametrize("bias", [None, [-0.2, 0.3, 4.0]])
def test_spikes_are_those_of_a_slow_recount(bias):
    rng = np.random.default_rng(4)
    layer = build_layer(weights=rng.normal(size=(3, 2, 2, 2)).round(), threshold=1.5, bias=bias, input_shape=(2, 4, 4))
    expected = expected_spikes(layer)
    integers = rng.integers(-3, 4, (3, 2, 2, 2))

    def spikes(weights, threshold, biases):
        counted = np.zeros((17, 3))
        for draw, rates in enumerate(expected.rates):
            for neuron, row in enumerate(weights.reshape(3, -1)):
                drive = sum(r * w for r, w in zip(rates, row, strict=True)) + (0 if biases is None else biases[neuron])
                most = sum(r for r, w in zip(rates, row, strict=True) if w != 0)
                counted[draw, neuron] = min(max(drive / threshold, 0), most)
        return counted

    wanted, made = spikes(layer.weights, 1.5, bias), spikes(integers, 2, None if bias is None else [1, 0, -2])
    np.testing.assert_allclose(expected.wanted, wanted)
    found = expected.error(integers, 2, None if bias is None else [1, 0, -2])
    assert found == round(found, 9) == pytest.approx(np.abs(made - wanted).sum() / wanted.sum(), abs=1e-9)
