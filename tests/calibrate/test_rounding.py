"""Weights rounded by what they do to the input of their neuron."""

import numpy as np
import pytest
from float_layers import build_layer

from nirdynap.calibrate import rounding
from nirdynap.calibrate.float_events import External, arrivals, run_layer
from nirdynap.calibrate.rounding import Inputs, gather, rounded
from nirdynap.calibrate.scoring import WINDOWS, in_windows

RANDOM = np.random.default_rng(3)


def inputs_of(rows, out):
    """The same spikes for integers and floats, and neurons that all fire."""
    return Inputs(rows.astype(np.float32), rows.astype(np.float32), np.ones((len(rows), out), dtype=bool))


@pytest.mark.parametrize("high", [20, 57, 100])
def test_the_input_in_units_of_the_threshold_comes_nearer_and_no_weight_moves_by_1_or_more(high):
    layer = build_layer(weights=RANDOM.normal(0, 0.3, (4, 3, 3, 3)), input_shape=(3, 6, 6), threshold=1.5)
    rows = RANDOM.poisson(2.0, (300, 27))
    (found,) = rounded(layer, [high], inputs_of(rows, 4))
    products = layer.weights * high / 1.5
    assert np.abs(found - products).max() < 1

    def distance(weights):
        return float((((weights - products).reshape(4, -1) @ rows.T) ** 2).sum())

    assert distance(found) < 0.8 * distance(np.rint(products))


def test_several_thresholds_at_once_are_each_one_by_itself():
    layer = build_layer(weights=RANDOM.normal(0, 0.3, (2, 2, 3, 3)), input_shape=(2, 6, 6))
    inputs = inputs_of(RANDOM.poisson(1.0, (50, 18)), 2)
    together = rounded(layer, [30, 45, 60], inputs)
    for high, weights in zip([30, 45, 60], together, strict=True):
        np.testing.assert_array_equal(weights, rounded(layer, [high], inputs)[0])


def test_weights_without_spikes_are_rounded_to_nearest_and_large_ones_clipped():
    layer = build_layer(weights=RANDOM.normal(0, 1, (2, 1, 3, 3)), input_shape=(1, 6, 6))
    (found,) = rounded(layer, [90], inputs_of(np.zeros((5, 9)), 2))
    np.testing.assert_array_equal(found, np.clip(np.rint(layer.weights * 90), -128, 127))


def test_what_integers_before_it_got_wrong_is_made_up_for():
    layer = build_layer(weights=np.full((1, 1, 1, 2), 0.05), input_shape=(1, 1, 3))
    theirs = np.full((20, 2), 10, dtype=np.float32)
    inputs = Inputs(theirs * 0.9, theirs, np.ones((20, 1), dtype=bool))
    (found,) = rounded(layer, [90], inputs)  # 4.5 each; 0.9 of 10 is what 5 each make up for
    assert found.ravel().tolist() == [5, 5]


@pytest.mark.parametrize(("stride", "padding"), [((1, 1), (0, 0)), ((2, 1), (1, 2))])
@pytest.mark.parametrize("windows", [4, 32])
def test_inputs_are_the_spikes_at_each_weight_where_a_neuron_fires(stride, padding, windows):
    weights = RANDOM.normal(0.2, 0.3, (3, 2, 3, 3))
    layer = build_layer(weights=weights, input_shape=(2, 5, 6), stride=stride, padding=padding)
    n = 200
    sample = External(*(RANDOM.integers(0, size, n) for size in (2, 5, 6)), ticks=np.empty(0, dtype=np.int64))
    given = arrivals([layer], 0, [], sample)
    wanted = in_windows(run_layer(layer, given), layer.neuron_shape, n)
    found = gather(layer, [given], [given], [wanted], [n], windows)
    fired = wanted.reshape(windows, WINDOWS // windows, 3, -1).sum(axis=1) > 0
    assert found.fired.sum() == fired.sum()
    assert found.fired.any(axis=1).all()
    # Neurons all of whose weights are 1 get as much as arrives at their weights.
    drive = np.zeros((windows, *layer.neuron_shape[1:]))
    for event, y, x in zip(given.event, given.y, given.x, strict=True):
        for oy, ox in np.ndindex(drive.shape[1:]):
            ky, kx = y + padding[0] - oy * stride[0], x + padding[1] - ox * stride[1]
            drive[event * windows // n, oy, ox] += 0 <= ky < 3 and 0 <= kx < 3
    np.testing.assert_array_equal(found.ours.sum(axis=1), drive.ravel()[fired.any(axis=1).ravel()])


def test_where_there_are_too_many_rows_each_nth_is_looked_at(monkeypatch):
    layer = build_layer(weights=np.full((1, 1, 3, 3), 0.3), input_shape=(1, 8, 8))
    sample = External(*(RANDOM.integers(0, size, 400) for size in (1, 8, 8)), ticks=np.empty(0, dtype=np.int64))
    given = arrivals([layer], 0, [], sample)
    wanted = in_windows(run_layer(layer, given), layer.neuron_shape, 400)
    arguments = (layer, [given] * 2, [given] * 2, [wanted] * 2, [400] * 2, WINDOWS)
    every = gather(*arguments).ours
    monkeypatch.setattr(rounding, "_MOST", 9 * len(every) // 3)
    one = every[: len(every) // 2]
    np.testing.assert_array_equal(gather(*arguments).ours, np.concatenate([one[::3], one[::3]]))
