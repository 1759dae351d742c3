"""Weights rounded up or down so that sums stay."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from nirdynap.lower.balance import balanced


def cost(weights, products):
    """Squares of the error of each channel's sum, each input channel's, and each weight."""
    error = (weights - products).reshape(*weights.shape[:2], -1)
    return (error.sum((1, 2)) ** 2).sum(), (error.sum(2) ** 2).sum(), (error**2).sum()


PRODUCTS = st.builds(
    lambda seed, size: size * np.random.default_rng(seed).normal(size=(3, 2, 3, 3)),
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([0.5, 5.0, 40.0]),
)


@settings(deadline=None)
@given(products=PRODUCTS)
def test_sums_come_nearer_and_each_weight_stays_a_neighbour(products):
    rounded = np.clip(np.rint(products), -128, 127).astype(int)
    found = balanced(products, rounded, np.inf)
    assert sum(cost(found, products)) <= sum(cost(rounded, products))
    moved = found != rounded
    assert (np.abs(found - products)[moved] < 1).all()
    assert (np.abs(found - rounded) <= 1).all()
    np.testing.assert_array_equal(found == 0, rounded == 0)
    assert -128 <= found.min() <= found.max() <= 127


@settings(deadline=None)
@given(products=PRODUCTS, share=st.floats(1, 1.5))
def test_the_budget_is_kept(products, share):
    rounded = np.clip(np.rint(products), -128, 127).astype(int)
    budget = share * cost(rounded, products)[2]
    assert cost(balanced(products, rounded, budget), products)[2] <= budget * (1 + 1e-12)


def test_four_equal_weights_keep_their_sum():
    products = np.full((1, 1, 2, 2), 3.45)
    assert balanced(products, np.full((1, 1, 2, 2), 3), np.inf).sum() == 14


def turned(products, rounded):
    """One neuron's weights [in, taps], turn by turn: of all single turns the one with the least cost, if it is less."""
    weights = rounded
    yield weights
    for _ in range(weights.size):
        turns = [
            weights + step * one
            for one in np.eye(weights.size, dtype=int).reshape(-1, *weights.shape)
            for step in (-1, 1)
        ]
        kept = [t for t in turns if ((t == 0) == (weights == 0)).all() and -128 <= t.min() <= t.max() <= 127]
        kept = [t for t in kept if (np.abs(t - products)[t != weights] < 1).all()]
        best = min(kept, key=lambda t: sum(cost(t[None], products[None])), default=weights)
        if sum(cost(best[None], products[None])) >= sum(cost(weights[None], products[None])):
            return
        weights = best
        yield weights


@settings(deadline=None, max_examples=50)
@given(products=PRODUCTS, share=st.sampled_from([1.0, 1.2, 1.5, np.inf]))
def test_the_best_weight_of_each_neuron_is_turned_until_none_helps_or_the_budget_is_spent(products, share):
    rounded = np.clip(np.rint(products), -128, 127).astype(int)
    budget = share * cost(rounded, products)[2]
    flat, whole = (a.reshape(*a.shape[:2], -1) for a in (products, rounded))
    each = [list(turned(p, r)) for p, r in zip(flat, whole, strict=True)]
    expected = whole
    for i in range(1, max(map(len, each))):
        following = np.array([turns[min(i, len(turns) - 1)] for turns in each])
        if cost(following, flat)[2] > budget:
            break
        expected = following
    found = balanced(products, rounded, budget)
    np.testing.assert_array_equal(found, expected.reshape(products.shape))
    assert found.dtype == np.int64


def test_the_end_of_the_range_may_be_reached_and_is_not_left():
    """A sum that wants one weight more gets it where the range has it."""
    for products, expected in (([126.4] * 3, 379), ([127.4] * 3, 381), ([-127.4] * 3, -382)):
        wanted = np.array(products).reshape(1, 1, 1, 3)
        assert balanced(wanted, np.rint(wanted).astype(int), np.inf).sum() == expected
    lowest = np.full((1, 1, 1, 3), -128.4)
    assert balanced(lowest, np.full((1, 1, 1, 3), -128), np.inf).sum() == 3 * -128


def test_a_weight_that_is_exact_stays_exact():
    """Though one more would bring the sum nearer: the others are rounded to 0, where they stay."""
    products = np.array([5.0, 0.4, 0.4, 0.4, 0.4]).reshape(1, 1, 1, 5)
    np.testing.assert_array_equal(balanced(products, np.rint(products).astype(int), np.inf), np.rint(products))


def test_what_is_as_good_stays():
    one = np.full((1, 1, 1, 1), 2)
    np.testing.assert_array_equal(balanced(np.full((1, 1, 1, 1), 2.5), one, np.inf), one)
