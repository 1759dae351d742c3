import dataclasses

import numpy as np
import pytest
from same_run import assert_same_run, raster

from by_hand import chain, conv, neurons, sink, source
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.passes.collapse_thresholds import collapse_thresholds
from nirdynap.passes.rewrite import replaced


def network_of(threshold, **reading):
    nodes = {"in": source(), "conv": conv(bias=np.array([0.5, -0.25])), "if": neurons(threshold), "out": sink()}
    return read(chain(**nodes), "torch", **reading)


def test_one_threshold_is_left_alone_bit_for_bit():
    network = network_of(np.full((2, 6, 6), 0.3))
    assert collapse_thresholds(network) is network


def test_a_single_neuron_is_left_alone():
    network = read(chain(**{"in": source(), "conv": conv(1, kernel=8), "if": neurons(0.3), "out": sink()}), "torch")
    assert collapse_thresholds(network) is network


@pytest.mark.parametrize("v_min", ["none", "-threshold"])
def test_a_threshold_for_each_channel_rescales_that_channel(v_min):
    network = network_of([0.5, 4.0], v_min=v_min)
    after = collapse_thresholds(network)
    assert (after.node("if").threshold == 1).all()
    np.testing.assert_array_equal(after.node("conv").bias, [1.0, -0.0625])
    np.testing.assert_array_equal(after.node("conv").weights[1], network.node("conv").weights[1] / 4)
    bound = after.node("if").v_min
    assert bound is None if v_min == "none" else (bound == -1).all()
    assert_same_run(network, after, raster(network, 1))


def test_without_bias_there_is_none_after():
    network = network_of([0.5, 4.0])
    network = replaced(network, dataclasses.replace(network.node("conv"), bias=None))
    after = collapse_thresholds(network)
    assert after.node("conv").bias is None
    assert_same_run(network, after, raster(network, 1))


def test_what_each_step_adds_follows_the_threshold():
    network = network_of([0.5, 4.0])
    drift = np.broadcast_to(np.array([0.25, -0.5])[:, None, None], (2, 6, 6))
    network = replaced(network, dataclasses.replace(network.node("if"), drift=drift))
    after = collapse_thresholds(network)
    assert after.node("if").drift[:, 0, 0].tolist() == [0.5, -0.125]
    assert_same_run(network, after, raster(network, 1))


def test_a_lower_bound_that_does_not_follow_the_thresholds_is_refused():
    with pytest.raises(CompileError, match=r"ND203 .* v_min / threshold ranges over -4\.\.-0\.5"):
        collapse_thresholds(network_of([0.5, 4.0], v_min=-2.0))


def test_a_threshold_for_each_pixel_is_refused():
    theta = np.ones((2, 6, 6))
    theta[0, 5, 5] = 1.5
    with pytest.raises(CompileError, match=r"ND201 .* thresholds differ within channel 0"):
        collapse_thresholds(network_of(theta))
