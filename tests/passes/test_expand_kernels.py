import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from same_run import assert_same_run, raster

from by_hand import chain, conv, neurons, sink, source
from nirdynap.frontend import read
from nirdynap.passes.expand_kernels import expand_kernels


def test_groups_become_zeros_outside_their_own_channels():
    depthwise = conv(out=4, channels=1, groups=4)
    network = read(chain(**{"in": source(4, 8, 8), "conv": depthwise, "if": neurons(), "out": sink()}), "torch")
    after = expand_kernels(network)
    weights = after.node("conv").weights
    assert weights.shape == (4, 4, 3, 3)
    for o, i in np.ndindex(4, 4):
        np.testing.assert_array_equal(weights[o, i], depthwise.weight[o, 0] if o == i else 0)
    assert_same_run(network, after, raster(network, 1))


@given(
    groups=st.integers(1, 3),
    per_group=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    seed=st.integers(0, 99),
)
def test_any_groups_and_dilation(groups, per_group, dilation, seed):
    out, channels = (groups * n for n in per_group)
    layer = conv(out, channels // groups, 2, groups=groups, dilation=dilation)
    network = read(chain(**{"in": source(channels, 6, 7), "conv": layer, "if": neurons(), "out": sink()}), "torch")
    after = expand_kernels(network)
    node = after.node("conv")
    assert (node.groups, node.dilation) == (1, (1, 1))
    assert (after is network) == (groups == 1 and dilation == (1, 1))
    assert_same_run(network, after, raster(network, seed))


def test_dilation_becomes_zeros_between_the_taps():
    dilated = conv(dilation=(2, 3), padding=(2, 1))
    network = read(chain(**{"in": source(), "conv": dilated, "if": neurons(), "out": sink()}), "torch")
    after = expand_kernels(network)
    weights = after.node("conv").weights
    assert weights.shape == (2, 1, 5, 7)
    np.testing.assert_array_equal(weights[:, :, ::2, ::3], dilated.weight)
    assert np.count_nonzero(weights) == np.count_nonzero(dilated.weight)
    assert_same_run(network, after, raster(network, 1))
