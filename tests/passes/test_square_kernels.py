import numpy as np
import pytest
from same_run import assert_same_run, raster

from by_hand import chain, conv, neurons, sink, source
from nirdynap.frontend import read
from nirdynap.passes.square_kernels import square_kernels


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (2, 4)])
@pytest.mark.parametrize("stride", [1, 2])
def test_zeros_fill_the_kernel_and_room_that_is_never_fed_keeps_the_output_map(shape, stride):
    weight = np.arange(1.0, 1 + 2 * np.prod(shape)).reshape(2, 1, *shape) / 16
    oblong = conv(weight=weight, stride=stride, padding=(1, 0))
    network = read(chain(**{"in": source(), "conv": oblong, "if": neurons(), "out": sink()}), "torch")
    after = square_kernels(network)
    before, node = network.node("conv"), after.node("conv")
    side = max(shape)
    assert node.weights.shape == (2, 1, side, side)
    assert node.output_shape == before.output_shape
    assert node.input_shape == (1, 8 + side - shape[0], 8 + side - shape[1])
    assert_same_run(network, after, raster(network, 1))
