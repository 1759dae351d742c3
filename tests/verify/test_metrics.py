"""Agreement against counting by hand, and parts against the whole."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nirdynap.verify.metrics import Agreement, agreement, joined_pairs, pairs_of, wilson

batches = st.integers(2, 4).flatmap(
    lambda n: st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=6 * n, max_size=6 * n)
)


def compared(reference: np.ndarray, counts: np.ndarray, seconds: float = 1.0) -> Agreement:
    return agreement("conv", pairs_of(reference, counts), seconds)


def dealt(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    reference, counts = np.array(pairs, dtype=np.int64).T.reshape(2, -1, 1, 2, 3)
    return reference, counts


@settings(deadline=None)
@given(batches)
def test_agreement_counts_neurons_one_by_one(pairs):
    reference, counts = dealt(pairs)
    a = compared(reference, counts, 0.5)
    assert a.layer == "conv"
    assert a.neurons == len(pairs)
    assert a.equal_fraction == sum(r == c for r, c in pairs) / len(pairs)
    assert a.within_one_fraction == sum(abs(r - c) <= 1 for r, c in pairs) / len(pairs)
    assert a.largest_difference == max(abs(r - c) for r, c in pairs)
    assert (a.reference_spikes, a.spikes) == tuple(sum(column) for column in zip(*pairs, strict=True))
    assert a.rate_error_hz == pytest.approx(2 * sum(abs(r - c) for r, c in pairs) / len(pairs))
    if a.reference_spikes:
        assert a.ratio == a.spikes / a.reference_spikes


@settings(deadline=None)
@given(batches)
def test_correlation_is_that_of_numpy(pairs):
    reference, counts = dealt(pairs)
    found = compared(reference, counts).correlation
    if (reference == counts).all():
        assert found == 1.0
    elif reference.std() == 0 or counts.std() == 0:
        assert found is None
    else:
        assert found == pytest.approx(np.corrcoef(reference.ravel(), counts.ravel())[0, 1])


@settings(deadline=None)
@given(batches)
def test_the_earth_mover_moves_sorted_onto_sorted(pairs):
    reference, counts = dealt(pairs)
    a = compared(reference, counts)
    moved = np.abs(np.sort(reference.ravel()) - np.sort(counts.ravel()))
    assert a.earth_mover_hz == pytest.approx(moved.mean())
    assert a.earth_mover_hz <= a.rate_error_hz


@settings(deadline=None)
@given(batches)
def test_parts_add_up_to_the_whole_exactly(pairs):
    reference, counts = dealt(pairs)
    parts = [pairs_of(reference[i : i + 1], counts[i : i + 1]) for i in range(len(counts))]
    assert agreement("conv", joined_pairs(parts), 0.3) == compared(reference, counts, 0.3)


def test_ratio_where_the_reference_is_silent():
    silent, loud = np.zeros((1, 1, 1, 1), dtype=np.int64), np.ones((1, 1, 1, 1), dtype=np.int64)
    assert compared(silent, silent).ratio == 1.0
    assert compared(silent, loud).ratio == float("inf")
    assert compared(loud, silent).ratio == 0.0


def test_intervals_of_wilson():
    # 81 of 263: an example of Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(29, 29)[1] == 1.0


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_fraction(counted):
    part, whole = counted
    low, high = wilson(part, whole)
    assert 0 <= low <= part / whole <= high <= 1 or part in (0, whole)
    assert wilson(whole - part, whole) == pytest.approx((1 - high, 1 - low))
