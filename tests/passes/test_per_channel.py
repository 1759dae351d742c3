import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from by_hand import simple
from nirdynap.frontend import read
from nirdynap.passes.per_channel import channel_values, odd_channel, scaled_output

maps = st.tuples(*[st.integers(1, 3)] * 3).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.sampled_from([0, 1]))
)


@given(maps)
def test_a_channel_has_one_value_or_is_the_first_odd_one(array):
    odd = [c for c, channel in enumerate(array) if len(np.unique(channel)) > 1]
    values = channel_values(array)
    if odd:
        assert values is None
        assert odd_channel(array) == odd[0]
    else:
        np.testing.assert_array_equal(values, [channel.max() for channel in array])


def test_no_number_is_no_value_of_a_channel():
    """NaN is not even itself, so the channel is refused by its number and not folded."""
    array = np.ones((2, 1, 1))
    array[1] = np.nan
    assert channel_values(array) is None
    assert odd_channel(array) == 1


@pytest.mark.parametrize("bias", [None, np.array([0.5, -0.25])])
def test_weights_and_bias_of_each_output_channel_are_scaled(bias):
    node = dataclasses.replace(read(simple(), "torch").node("conv"), bias=bias)
    weights, scaled = scaled_output(node, np.array([2.0, -0.5]))
    np.testing.assert_array_equal(weights, [2 * node.weights[0], -node.weights[1] / 2])
    assert not weights.flags.writeable
    assert scaled is None if bias is None else scaled.tolist() == [1.0, 0.125]
