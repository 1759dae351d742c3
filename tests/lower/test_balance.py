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
