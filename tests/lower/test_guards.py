"""Guards of a conversion: their numbers against a slow recount, and that what never fires never does."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from float_layers import build_layer
from hypothesis import HealthCheck, given, settings
from hypothesis.extra import numpy as hnp

from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.errors import Diagnostic
from nirdynap.ir.layers import IntLayer, Layer
from nirdynap.lower.guards import GUARDS, guards
from nirdynap.lower.integers import discretize
from nirdynap.shipped import shipped
from nirdynap.sim import simulate
from nirdynap.testing.graphs import networks

NUMBERS = st.sampled_from([0.0, 0.001, -0.001, 0.01, 0.2, -0.2, 1.0, -1.0, 1.5, -7.0])


@st.composite
def float_layers(draw):
    """Layers of few weights from tiny to large, so that each guard has something to find."""
    out, channels = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    weights = draw(hnp.arrays(np.float64, (out, channels, 2, 2), elements=NUMBERS))
    weights[0, 0, 0, 0] = draw(st.sampled_from([1.0, -1.0]))
    bias = draw(st.none() | hnp.arrays(np.float64, out, elements=NUMBERS))
    threshold = draw(st.sampled_from([0.02, 0.5, 1.0, 3.0, 600.0]))
    bound = draw(st.sampled_from([None, -threshold, -0.1, 0.0]))
    shape = (channels, 4, 4)
    return build_layer(weights=weights, bias=bias, input_shape=shape, threshold=threshold, v_min=bound)


def converted(layer: Layer, bias_bits: int) -> tuple[IntLayer | None, dict[str, Diagnostic]]:
    done, findings = discretize((layer,), bias_bits=bias_bits, spikes_per_step="many")
    return (done[0] if done else None), {f.code: f for f in findings if "ND420" <= f.code <= "ND428"}


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(layer=float_layers(), bias_bits=st.sampled_from([8, 16]))
def test_numbers_equal_a_slow_recount(layer, bias_bits):
    integers, found = converted(layer, bias_bits)
    if integers is None:
        assert not found
        return
    weights, high, low = integers.weights.astype(int), integers.threshold_high, integers.threshold_low
    nonzero = sum(w != 0 for w in weights.flat)

    def numbers(code):
        return (found[code].value, found[code].limit) if code in found else None

    above, below = sum(w > high for w in weights.flat), sum(w < low for w in weights.flat)
    assert numbers("ND420") == ((above, nonzero) if above else None)
    assert numbers("ND428") == ((below, nonzero) if below and low < -1 else None)
    biases = [0] * len(weights) if integers.bias is None else integers.bias.tolist()
    lost = [] if layer.bias is None else [b for b, n in zip(layer.bias, biases, strict=True) if b != 0 and n == 0]
    assert numbers("ND423") == ((len(lost), np.count_nonzero(layer.bias)) if lost else None)
    dead = sum(all(w <= 0 for w in ws.flat) and b <= 0 for ws, b in zip(weights, biases, strict=True))
    assert numbers("ND424") == ((dead, len(weights)) if 0 < dead < len(weights) else None)
    assert numbers("ND425") == ((len(weights), None) if dead == len(weights) else None)
    unread = sum(all(w == 0 for w in weights[:, i].flat) for i in range(weights.shape[1]))
    assert numbers("ND426") == ((unread, weights.shape[1]) if unread else None)
    off = round(float(np.float32(layer.threshold) * np.float32(integers.scale))) / (layer.threshold * integers.scale)
    assert ("ND427" in found) == (abs(off - 1) > 0.01)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(layer=float_layers())
def test_whole_bits_that_are_lost_are_told_with_what_takes_them(layer):
    for bias_bits in (8, 16):
        integers, found = converted(layer, bias_bits)
        if integers is None:
            continue
        most = np.abs(integers.weights.astype(int)).max()
        told = [found[code].value for code in ("ND421", "ND422") if code in found]
        assert (most <= 64) == bool(told)
        assert not told or most == min(told)
        if bias_bits == 16 or layer.bias is None:
            assert "ND422" not in found
        for code in {"ND421", "ND422"} & set(found):
            (bits,) = re.findall(r": ([\d.]+) bits lost", found[code].found)
            assert float(bits) == pytest.approx(np.log2(127 / found[code].value), abs=0.1 + 1 / found[code].value)


@st.composite
def inhibited(draw):
    """A drawn graph in which some kernels have no weight above zero."""
    drawn = draw(networks(max_layers=3, nested=False))
    for node in drawn.nodes.values():
        if isinstance(node, (nir.Conv2d, nir.Linear, nir.Affine)):
            for channel in range(len(node.weight)):
                if draw(st.booleans()):
                    node.weight[channel] = -np.abs(node.weight[channel])
    return drawn


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(drawn=inhibited(), seed=st.integers(0, 2**32 - 1))
def test_what_never_fires_has_no_spike_in_any_run(drawn, seed):
    spec = nir_to_dynapcnn(drawn, convention="torch")
    raster = np.random.default_rng(seed).poisson(1.5, (6, 2, *spec.input_shape))
    dead = {note.place.removeprefix("$.nodes."): note.value for note in spec.notes if note.code in ("ND424", "ND425")}
    for result in (simulate(spec, raster), simulate(spec, raster, "event", bias_clock_us=700)):
        for cores in spec.layers:
            name = cores[0].name
            silent = int((result[name].counts.sum(axis=(0, 2, 3)) == 0).sum())
            assert dead.get(name, 0) <= silent


def test_a_trained_network_is_told_of_nothing():
    report = check(shipped("digits", "digits.nir"))
    assert not [d for d in report.diagnostics if d.code.startswith("ND42")]


def test_a_weight_that_is_the_threshold_is_exact():
    """One event, one spike: nothing is left over."""
    _, found = converted(build_layer(weights=np.ones((1, 1, 1, 1)), threshold=1.0), 8)
    assert found == {}
    _, found = converted(build_layer(weights=np.ones((1, 1, 1, 1)), threshold=0.99), 8)
    assert set(found) == {"ND420"}


def test_every_guard_can_take_a_layer_of_zeros():
    """One of zeros, which only a scale of its own allows, is silent, and none of them fails on it."""
    zeros = build_layer(weights=np.zeros((2, 1, 1, 1)), scale=4.0)
    (integers,), _ = discretize((zeros,), bias_bits=8, spikes_per_step="many")
    assert {finding.code for finding in guards(zeros, integers)} == {"ND425", "ND426"}
    assert len(GUARDS) == 8


def test_whoever_gives_a_scale_is_not_told_what_sets_it():
    weights = np.ones((1, 1, 1, 1))
    for told, changed in (("ND421", {"threshold": 3276.7}), ("ND422", {"bias": [10.0], "threshold": 2.0})):
        assert told in converted(build_layer(weights=weights, **changed), 8)[1]
        scale = converted(build_layer(weights=weights, **changed), 8)[0].scale
        assert told not in converted(build_layer(weights=weights, scale=scale, **changed), 8)[1]


def test_one_bit_is_told():
    assert "ND422" in converted(build_layer(weights=np.ones((1, 1, 1, 1)), bias=[2.0]), 8)[1]
    assert "ND422" not in converted(build_layer(weights=np.ones((1, 1, 1, 1)), bias=[1.9]), 8)[1]


def test_a_bias_that_was_above_zero_is_lost_by_rounding():
    _, found = converted(build_layer(weights=np.full((1, 1, 1, 1), -100.0), bias=[0.1], threshold=50.0), 8)
    assert "(1 by rounding)" in found["ND425"].found
