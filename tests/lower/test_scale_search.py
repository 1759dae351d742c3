"""Rule "threshold-aware": never farther from the floats than max-abs."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from float_layers import build_layer
from hypothesis import given, settings

from nirdynap.errors import errors_of
from nirdynap.lower.integers import discretize, parameter_error
from nirdynap.lower.scale_search import threshold_aware

PROPERTY = settings(deadline=None, max_examples=100)


@PROPERTY
@given(
    seed=st.integers(0, 2**32 - 1),
    ratio=st.floats(0.005, 100),
    outlier=st.sampled_from([1.0, 5.0, 30.0]),
    bias=st.none() | st.floats(-5, 5),
    bits=st.sampled_from([8, 16]),
)
def test_it_is_never_farther_from_the_floats_than_max_abs(seed, ratio, outlier, bias, bits):
    weights = np.random.default_rng(seed).normal(size=(3, 2, 3, 3))
    weights.flat[0] *= outlier
    layer = build_layer(
        weights=weights, threshold=ratio * np.abs(weights).max(), bias=None if bias is None else [bias] * 3
    )
    plain, _ = discretize((layer,), bias_bits=bits, spikes_per_step="many")
    ((found,), findings) = discretize(
        (layer,), bias_bits=bits, spikes_per_step="many", choices=threshold_aware((layer,), bits)
    )
    assert not errors_of(findings)
    error = parameter_error(layer, found.weights, found.threshold_high, found.bias)
    assert found.quantisation.after == pytest.approx(error)
    if plain:
        assert error <= plain[0].quantisation.after == found.quantisation.before
    else:
        assert found.quantisation.before is None
