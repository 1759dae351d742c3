"""Single weights rounded the other way."""

import dataclasses

import numpy as np
from float_layers import build_layer

from nirdynap.calibrate.float_events import External, arrivals, run_layer
from nirdynap.calibrate.refine import refined
from nirdynap.calibrate.scoring import in_windows
from nirdynap.calibrate.trial import Budget, Task, attempt, candidate


def task(seconds=1e6, **changed):
    """A layer of neurons with 18 weights each, and six recordings."""
    random = np.random.default_rng(5)
    weights = random.normal(0.1, 0.2, (4, 2, 3, 3))
    layer = build_layer(weights=weights, input_shape=(2, 6, 6), **changed)
    none = np.empty(0, dtype=np.int64)
    samples = [External(*(random.integers(0, size, 400) for size in (2, 6, 6)), ticks=none) for _ in range(6)]
    given = tuple(arrivals([layer], 0, [], sample) for sample in samples)
    wanted = tuple(in_windows(run_layer(layer, some), layer.neuron_shape, 400) for some in given)
    known = Task(
        layer=layer, bias_bits=8, spikes_per_step="many", given=given, wanted=wanted, events=(400,) * len(samples)
    )
    return known, attempt(known, candidate(30.0)), Budget(seconds=seconds, total=100, progress=None)


def test_it_comes_nearer_and_what_it_says_is_what_its_integers_do():
    known, first, budget = task()
    best, runs, left = refined(known, first, budget, 0)
    assert (runs, left) == (18, 0)
    assert best.gap < first.gap
    again = attempt(known, best.choice)
    np.testing.assert_array_equal(again.gaps, best.gaps)
    products = known.layer.weights * 30
    assert (best.integers.weights != first.integers.weights).any()
    assert np.abs(best.integers.weights - products).max() < 1


def test_no_channel_gets_further_from_the_floats():
    known, first, budget = task()
    best, _, _ = refined(known, first, budget, 0)
    assert (best.gaps.sum(axis=0) <= first.gaps.sum(axis=0)).all()


def test_without_time_nothing_is_changed_and_all_is_left():
    known, first, budget = task(seconds=-1.0)
    assert refined(known, first, budget, 0) == (first, 0, 18)


def test_a_decimator_counts_all_channels_so_nothing_is_tried():
    known, first, budget = task(decimator=2)
    assert refined(known, first, budget, 0) == (first, 0, 0)


def test_integers_that_are_exact_stay():
    known, _, budget = task()
    whole = dataclasses.replace(known.layer, weights=np.rint(known.layer.weights * 32) / 32)  # sums without rounding
    wanted = tuple(in_windows(run_layer(whole, some), whole.neuron_shape, 400) for some in known.given)
    exact = dataclasses.replace(known, layer=whole, wanted=wanted)
    first = attempt(exact, candidate(32.0))
    best, _, _ = refined(exact, first, budget, 0)
    assert best.gap == first.gap == 0
