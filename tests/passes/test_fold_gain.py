import numpy as np
import pytest
from same_run import assert_same_run, raster

from by_hand import chain, conv, neurons, sink, source
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.passes.fold_gain import fold_gain


def network_of(r, bias=(0.5, -0.25)):
    nodes = {"in": source(), "conv": conv(bias=np.array(bias)), "if": neurons(np.ones_like(r), r), "out": sink()}
    return read(chain(**nodes), "torch")


@pytest.mark.parametrize("r", [np.array(3.0), np.array([0.5, 4.0]), np.array([[[2.0]], [[1.0]]])])
def test_r_goes_into_weights_and_bias(r):
    network = network_of(r)
    after = fold_gain(network)
    factors = np.broadcast_to(r.reshape(-1), (2,))
    np.testing.assert_array_equal(after.node("conv").bias, network.node("conv").bias * factors)
    np.testing.assert_array_equal(
        after.node("conv").weights, network.node("conv").weights * factors[:, None, None, None]
    )
    assert (after.node("if").gain == 1).all()
    assert_same_run(network, after, raster(network, 1))


def test_where_r_is_one_nothing_changes():
    network = network_of(np.ones(2))
    assert fold_gain(network) is network


def test_every_layer_with_r_per_pixel_is_named():
    uneven = [np.ones(shape) for shape in ((2, 6, 6), (2, 4, 4))]
    for r in uneven:
        r[0, 1, 1] = 3
    nodes = {"in": source(), "conv": conv(), "if": neurons(np.ones((2, 6, 6)), uneven[0]), "conv2": conv(channels=2)}
    network = read(chain(**nodes, if2=neurons(np.ones((2, 4, 4)), uneven[1]), out=sink()), "torch")
    with pytest.raises(CompileError) as caught:
        fold_gain(network)
    assert [(d.code, d.place) for d in caught.value.diagnostics] == [("ND202", "$.nodes.if"), ("ND202", "$.nodes.if2")]


def test_r_per_pixel_is_refused():
    r = np.ones((2, 6, 6))
    r[1, 2, 3] = 2
    with pytest.raises(CompileError, match=r"ND202 .* \$\.nodes\.if: r differs within channel 1"):
        fold_gain(network_of(r))
