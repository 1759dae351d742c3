"""Agreement against counting by hand, and parts against the whole."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from nirdynap.verify.metrics import agreement, joined_agreement

batches = st.integers(2, 4).flatmap(
    lambda n: st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=6 * n, max_size=6 * n)
)


@given(batches)
def test_agreement_counts_neurons_one_by_one(pairs):
    reference, counts = np.array(pairs, dtype=np.int64).T.reshape(2, -1, 1, 2, 3)
    a = agreement("conv", reference, counts)
    assert a.layer == "conv"
    assert a.neurons == len(pairs)
    assert a.equal_fraction == sum(r == c for r, c in pairs) / len(pairs)
    assert a.within_one_fraction == sum(abs(r - c) <= 1 for r, c in pairs) / len(pairs)
    assert a.largest_difference == max(abs(r - c) for r, c in pairs)
    assert (a.reference_spikes, a.spikes) == tuple(sum(column) for column in zip(*pairs, strict=True))
    if a.reference_spikes:
        assert a.ratio == a.spikes / a.reference_spikes
    assert (
        joined_agreement([agreement("conv", reference[i : i + 1], counts[i : i + 1]) for i in range(len(counts))]) == a
    )


def test_ratio_where_the_reference_is_silent():
    silent, loud = np.zeros((1, 1, 1, 1), dtype=np.int64), np.ones((1, 1, 1, 1), dtype=np.int64)
    assert agreement("fc", silent, silent).ratio == 1.0
    assert agreement("fc", silent, loud).ratio == float("inf")
    assert agreement("fc", loud, silent).ratio == 0.0
