import numpy as np
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


def test_dilation_becomes_zeros_between_the_taps():
    dilated = conv(dilation=(2, 3), padding=(2, 1))
    network = read(chain(**{"in": source(), "conv": dilated, "if": neurons(), "out": sink()}), "torch")
    after = expand_kernels(network)
    weights = after.node("conv").weights
    assert weights.shape == (2, 1, 5, 7)
    np.testing.assert_array_equal(weights[:, :, ::2, ::3], dilated.weight)
    assert np.count_nonzero(weights) == np.count_nonzero(dilated.weight)
    assert_same_run(network, after, raster(network, 1))
