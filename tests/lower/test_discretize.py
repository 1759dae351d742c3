"""Integers against torch's own float32 and rounding, and the ranges that they never leave."""

from __future__ import annotations

import math
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis.extra import numpy as hnp

from nirdynap.errors import CompileError
from nirdynap.lower.discretize import (
    discretize_conv_if,
    discretize_scalar,
    discretize_tensor,
    scale_for_bits,
)

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)
WEIGHTS = hnp.arrays(np.float64, hnp.array_shapes(min_dims=4, max_dims=4, max_side=3), elements=FINITE)
THRESHOLDS = st.floats(1e-6, 1e6)
BOUNDS = st.none() | st.floats(-1e9, 0)


def codes(error: pytest.ExceptionInfo[CompileError]) -> list[str]:
    return [d.code for d in error.value.diagnostics]


# --- scale ------------------------------------------------------------------------------------------------------------


@given(values=hnp.arrays(np.float64, hnp.array_shapes(max_dims=3), elements=FINITE), bits=st.sampled_from([2, 8, 16]))
def test_the_scale_is_the_largest_that_keeps_all_values_in_range(values, bits):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    scale = scale_for_bits(values, bits)
    if not values.any() or scale == math.inf:  # or so small that no float64 is large enough
        assert scale == math.inf
        assert np.abs(values).max(initial=0) <= 2 ** (bits - 1) / sys.float_info.max
        return
    scaled = values * scale
    tiny = 1e-9 * high
    assert low - tiny <= scaled.min()
    assert scaled.max() <= high + tiny
    assert math.isclose(scaled.max(), high) or math.isclose(scaled.min(), low)


@pytest.mark.parametrize(("values", "bits", "expected"), [([-1.0, 0.5], 8, 128), ([1.0], 8, 127), (2.0, 16, 16383.5)])
def test_both_ends_of_the_range_are_used(values, bits, expected):
    assert scale_for_bits(values, bits) == expected


# --- rounding ---------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    values=hnp.arrays(np.float64, hnp.array_shapes(max_dims=3), elements=st.floats(-1e4, 1e4)),
    scale=st.floats(1e-3, 1e4),
)
def test_rounding_is_that_of_a_float32_product_in_torch(values, scale):
    product = torch.tensor(values, dtype=torch.float32) * torch.tensor(scale, dtype=torch.float32)
    expected = torch.round(product).to(torch.int64).numpy()
    np.testing.assert_array_equal(discretize_tensor(values, scale), expected)
    assert discretize_scalar(float(values.flat[0]), scale) == expected.flat[0]


def test_halves_go_to_the_even_neighbour():
    np.testing.assert_array_equal(discretize_tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], 1.0), [-2, -2, 0, 0, 2, 2])


def test_the_product_is_taken_in_float32():
    # In float64 the product is below 16777217.5 and rounds to ...217, which float32 does not have.
    assert discretize_scalar(16777217.0, 1.0) == 16777216


# --- a convolution and its neurons ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(
    weights=WEIGHTS,
    threshold=THRESHOLDS,
    bias=st.none() | hnp.arrays(np.float64, 3, elements=FINITE),
    v_min=BOUNDS,
    bits=st.sampled_from([8, 16]),
)
def test_ranges_are_never_left_and_one_of_them_is_used_up(weights, threshold, bias, v_min, bits):
    try:
        core = discretize_conv_if(weights, threshold, bias=bias, v_min=v_min, bias_bits=bits)
    except CompileError as error:
        if {d.code for d in error.diagnostics if d.severity == "error"} <= {"ND401", "ND402", "ND403", "ND407"}:
            return
        raise
    assert core.weights.dtype == np.int8
    assert core.weights.any()
    assert 1 <= core.threshold_high <= 32767
    assert -32768 <= core.threshold_low <= -1
    extremes = {core.weights.max() == 127, core.weights.min() == -128, core.threshold_high == 32767}
    if core.bias is not None:
        assert core.bias.dtype == np.int16
        extremes |= {core.bias.max() == 127, core.bias.min() == -128} if bits == 8 else set()
        assert bits == 16 or np.abs(core.bias.astype(int)).max() <= 128
    assert True in extremes
    expected = torch.round(torch.tensor(weights, dtype=torch.float32) * torch.tensor(core.scale, dtype=torch.float32))
    np.testing.assert_array_equal(core.weights, expected.numpy())


@given(
    weights=WEIGHTS, threshold=THRESHOLDS, v_min=BOUNDS, state=st.none() | hnp.arrays(np.float64, 3, elements=FINITE)
)
def test_lower_bound_and_state_never_take_part_in_the_scale(weights, threshold, v_min, state):
    assume(weights.any())
    try:
        alone = discretize_conv_if(weights, threshold)
    except CompileError:
        assume(False)
    core = discretize_conv_if(weights, threshold, v_min=v_min, state=state)
    assert core.scale == alone.scale
    np.testing.assert_array_equal(core.weights, alone.weights)
    assert core.threshold_high == alone.threshold_high
    assert (core.threshold_low == -32768) if v_min is None else (-32768 <= core.threshold_low <= -1)
    if state is not None:
        exact = np.clip(np.rint(state * core.scale), -32768, 32767)
        assert np.abs(core.state.astype(float) - exact).max() <= 1


def test_one_large_bias_costs_the_weights_their_bits_in_8_bits_and_not_in_16():
    weights = np.array([0.1, -0.05]).reshape(1, 2, 1, 1)
    narrow = discretize_conv_if(weights, 1.0, bias=[5.0])
    wide = discretize_conv_if(weights, 1.0, bias=[5.0], bias_bits=16)
    assert (narrow.scale, narrow.bias.tolist(), narrow.weights.ravel().tolist()) == (127 / 5, [127], [3, -1])
    assert (wide.scale, wide.bias.tolist(), wide.weights.ravel().tolist()) == (1270, [6350], [127, -64])


@pytest.mark.parametrize(
    ("v_min", "low", "clipped"),
    [(None, -32768, False), (-1.0, -127, False), (-0.001, -1, True), (0.0, -1, True), (-1e9, -32768, True)],
)
def test_lower_bound(v_min, low, clipped):
    core = discretize_conv_if(np.ones((1, 1, 1, 1)), 1.0, v_min=v_min)
    assert core.threshold_low == low
    assert [d.code for d in core.findings] == (["ND405"] if clipped else [])


def test_a_bias_of_zeros_is_none():
    assert discretize_conv_if(np.ones((1, 1, 1, 1)), 1.0, bias=[0.0]).bias is None


def test_nothing_that_is_given_is_changed():
    given_arrays = [np.array([[[[0.3, -0.7]]]]), np.array([0.5]), np.array([[[0.1]], [[-0.2]]])]
    copies = [a.copy() for a in given_arrays]
    core = discretize_conv_if(given_arrays[0], 1.0, bias=given_arrays[1], v_min=-1.0, state=given_arrays[2])
    for array, copy in zip(given_arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert not any(a.flags.writeable for a in (core.weights, core.bias, core.state))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"weights": np.array([[[[np.nan]]]])}, "ND107"),
        ({"weights": np.array([[[[np.inf]]]])}, "ND107"),
        ({"threshold": math.nan}, "ND107"),
        ({"bias": [math.inf]}, "ND107"),
        ({"v_min": -math.inf}, "ND107"),
        ({"state": [[[math.nan]]]}, "ND107"),
        ({"threshold": 0.0}, "ND108"),
        ({"threshold": -1.0}, "ND108"),
        ({"bias_bits": 12}, "ND126"),
        ({"weights": np.zeros((1, 1, 1, 1))}, "ND401"),
        ({"weights": np.zeros((1, 0, 1, 1))}, "ND401"),
        ({"threshold": 1e-4}, "ND402"),
        ({"bias": [1e3], "bias_bits": 16}, "ND403"),
        ({"bias": [1e30], "bias_bits": 16}, "ND403"),
        ({"threshold": 1e6}, "ND407"),
        ({"bias": [1e6]}, "ND407"),
        ({"weights": np.array([[[[1e39]]]])}, "ND408"),
        ({"threshold": 1e39}, "ND408"),
        ({"weights": np.array([[[[1e-40]]]]), "threshold": 1e-40}, "ND408"),
        ({"scale": 0.0}, "ND126"),
        ({"scale": math.inf}, "ND126"),
        ({"scale": 1e39}, "ND408"),
        ({"scale": 0.2, "threshold": 10.0}, "ND407"),
        ({"scale": 128.0}, "ND409"),
        ({"scale": 1.0, "weights": np.full((1, 1, 1, 1), -129.0)}, "ND409"),
        ({"scale": 1.0, "weights": np.full((1, 1, 1, 1), 1e30)}, "ND409"),
        ({"scale": 1.0, "threshold": 32768.0}, "ND409"),
        ({"scale": 1.0, "bias": [4e4]}, "ND403"),
    ],
)
def test_what_has_no_good_integers_is_refused(changed, code):
    arguments = {"weights": np.ones((1, 1, 1, 1)), "threshold": 1.0} | changed
    with pytest.raises(CompileError) as caught:
        discretize_conv_if(**arguments)
    assert code in codes(caught)


@given(
    st.lists(st.integers(-128, 127), min_size=1, max_size=6),
    st.integers(1, 32767),
    st.integers(-32768, 32767),
    st.integers(-32768, -1),
)
def test_integers_stay_what_they_are_at_a_given_scale_of_one(weights, threshold, bias, v_min):
    array = np.array(weights).reshape(1, -1, 1, 1)
    core = discretize_conv_if(array, threshold, bias=[bias], v_min=v_min, scale=1.0)
    np.testing.assert_array_equal(core.weights, array)
    assert (core.threshold_high, core.threshold_low, core.scale) == (threshold, v_min, 1.0)
    assert core.bias is None if bias == 0 else core.bias.tolist() == [bias]
    assert core.findings == ()


def test_a_given_scale_rounds_like_any_other():
    core = discretize_conv_if(np.array([[[[0.26, -1.0]]]]), 2.6, scale=10.0)
    assert (core.weights.ravel().tolist(), core.threshold_high) == ([3, -10], 26)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_the_scale_is_computed_in_float64_whatever_comes_in(dtype):
    weights = np.array([[[[3, -7]]]], dtype=dtype)
    core = discretize_conv_if(weights, 10.0, bias=np.array([5], dtype=dtype))
    expected = discretize_conv_if(weights.astype(np.float64), 10.0, bias=[5.0])
    assert (core.scale, core.bias.tolist()) == (expected.scale, expected.bias.tolist())
    np.testing.assert_array_equal(core.weights, expected.weights)


def test_what_is_far_out_of_range_stays_that():
    core = discretize_conv_if(
        np.ones((1, 1, 1, 1)), 1.0, v_min=-1e38, state=[[[1e38]], [[-1e38]], [[100.0]]], bias=[1.0], scale=1.0
    )
    assert core.state.ravel().tolist() == [32767, -32768, 100]
    assert core.state.dtype == np.int16
    assert core.threshold_low == -32768


def test_findings_carry_what_was_measured_and_what_is_allowed():
    def found(**changed):
        arguments = {"weights": np.ones((1, 1, 1, 1)), "threshold": 1.0, "place": "$.here"} | changed
        try:
            findings = discretize_conv_if(**arguments).findings
        except CompileError as error:
            findings = error.diagnostics
        return {d.code: (d.place, d.value, d.limit) for d in findings}

    assert found(scale=1e39)["ND408"] == ("$.here", "1e+39", "3.40282e+38")
    assert found(threshold=1e-4)["ND402"] == ("$.here", "0.0001", "1")
    assert found(bias=[4e4], scale=1.0)["ND403"] == ("$.here", 40000, 32767)
    assert found(v_min=0.0)["ND405"] == ("$.here", -1, "-32768..-1")
    assert found(scale=-1.0)["ND126"] == ("$.here", -1.0, "a positive number")
    assert found(bias_bits=12)["ND126"] == ("$.here", 12, "8 or 16")
    assert found(threshold=0.0)["ND108"] == ("$.here", 0.0, 0)
    assert found(state=[[[np.nan, np.inf]]])["ND107"] == ("$.here", 2, None)
    assert found(bias=[1e39])["ND408"] == ("$.here", "1e+39", "3.40282e+38")
    assert found(weights=np.array([[[[2.0, 1e-4, 0.0, 0.0]]]]))["ND406"] == ("$.here", 1, 2)


def test_the_largest_float32_is_still_a_scale_and_a_weight():
    largest = float(np.finfo(np.float32).max)
    core = discretize_conv_if(np.full((1, 1, 1, 1), 1 / largest), 1 / largest, scale=largest)
    assert (core.weights.ravel().tolist(), core.threshold_high) == ([1], 1)
    assert discretize_conv_if(np.full((1, 1, 1, 1), largest), largest).weights.ravel().tolist() == [127]


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"bias": [1e6]}, "bias_bits=16, or a smaller bias"),
        ({"threshold": 1e6}, "a smaller threshold, or larger weights"),
        ({"threshold": 100.0, "scale": 0.1}, "a larger scale"),
    ],
)
def test_dead_layers_are_told_what_took_their_bits(changed, remedy):
    with pytest.raises(CompileError) as caught:
        discretize_conv_if(**{"weights": np.ones((1, 1, 1, 1)), "threshold": 1.0} | changed)
    (dead,) = (d for d in caught.value.diagnostics if d.code == "ND407")
    assert dead.hint == remedy


# --- what a search asks for -------------------------------------------------------------------------------------------


def test_what_is_beyond_its_range_is_set_to_its_end_and_counted():
    weights = np.array([-200.0, -128.0, 127.0, 127.6, 1.0]).reshape(5, 1, 1, 1)
    bias = [40000.0, -32768.0, -40000.0, 32767.0, 0.0]
    core = discretize_conv_if(weights, 10.0, bias=bias, scale=1.0, clip=True)
    np.testing.assert_array_equal(core.weights.ravel(), [-128, -128, 127, 127, 1])
    np.testing.assert_array_equal(core.bias, [32767, -32768, -32768, 32767, 0])
    assert core.clipped == 4
    assert [(d.code, d.value, d.limit) for d in core.findings] == [("ND410", 4, 10)]
    with pytest.raises(CompileError) as caught:
        discretize_conv_if(weights, 10.0, bias=bias, scale=1.0)
    assert codes(caught) == ["ND409", "ND403"]


def test_the_lower_bound_keeps_its_proportion_to_a_threshold_that_was_chosen():
    weights = np.ones((1, 1, 1, 1))
    chosen = discretize_conv_if(weights, 0.5, v_min=-1.0, scale=10.0, threshold_high=6)
    assert (chosen.threshold_high, chosen.threshold_low) == (6, -12)
    rounded = discretize_conv_if(weights, 0.5, v_min=-1.0, scale=10.0)
    assert (rounded.threshold_high, rounded.threshold_low) == (5, -10)


def test_little_room_begins_above_half_of_the_range():
    weights = np.ones((1, 1, 1, 1))
    for threshold, told in ((16383.0, []), (16384.0, ["ND340"])):
        core = discretize_conv_if(weights, threshold, scale=1.0, clip=True)
        assert [d.code for d in core.findings] == told


@pytest.mark.parametrize("name", ["weight", "threshold", "bias", "v_min", "state"])
def test_what_is_no_number_is_named(name):
    right = {"weight": np.ones((1, 1, 1, 1)), "threshold": 1.0, "bias": np.ones(1), "v_min": -1.0}
    right["state"] = np.zeros((1, 1, 1))
    given = right | {name: np.full(np.shape(right[name]), np.nan)}
    with pytest.raises(CompileError) as caught:
        discretize_conv_if(given.pop("weight"), given.pop("threshold"), **given)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.value) == ("ND107", 1)
    assert f" {name} holds" in str(finding)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"bias_bits": 12}, "bias_bits = 12 is not possible"),
        ({"scale": -1.0}, "scale = -1.0 is not possible"),
        ({"bias": [10**40]}, "largest bias is 1e+40"),  # beyond the integers of numpy
        ({"scale": 1e39}, "scale is 1e+39"),
        ({"scale": 1e3}, "the node's own scale 1000 makes a weight of 1000, the chip's range is -128..127"),
        (
            {"scale": 1e5, "weights": np.full((1, 1, 1, 1), 1e-4)},
            "makes a threshold of 100000, the chip's range is 1..",
        ),
        ({"threshold": 1e6}, "the threshold allows a scale of 0.032767 only, with which even the largest weight 1 "),
        ({"threshold": 3e38, "weights": -np.ones((1, 1, 1, 1)), "scale": 1.0}, "makes a threshold of 2147483648"),
    ],
)
def test_mistakes_are_told_with_names_and_numbers(changed, told):
    with pytest.raises(CompileError) as caught:
        discretize_conv_if(**({"weights": np.ones((1, 1, 1, 1)), "threshold": 1.0} | changed))
    assert told in " ".join(d.found for d in caught.value.diagnostics)


def test_a_lower_bound_out_of_range_is_told_as_given_and_scaled():
    for v_min, told in ((-1e38, "-1e+38 (scaled -2147483648) becomes -32768"), (0.0, "0 (scaled 0) becomes -1")):
        (finding,) = discretize_conv_if(np.ones((1, 1, 1, 1)), 1.0, v_min=v_min, scale=1.0).findings
        assert told in finding.found


def test_small_types_are_as_good_as_large_ones():
    """The least int8 has no positive counterpart there, and float16 ends at 65504."""
    with pytest.raises(CompileError) as caught:
        discretize_conv_if(np.full((1, 1, 1, 1), -128, dtype=np.int8), 1e-4)
    assert [d.limit for d in caught.value.diagnostics if d.code == "ND402"] == ["128"]
    state = np.full((1, 1, 1), -3, dtype=np.float16)
    assert discretize_conv_if(np.ones((1, 1, 1, 1)), 1.0, state=state, scale=2.0).state.tolist() == [[[-6]]]
