import nir
import numpy as np
import pytest
from same_run import assert_same_run, raster

from by_hand import chain, conv, flatten, graph, neurons, scale, sink, source
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.passes import normalise
from nirdynap.passes.linear_to_conv import linear_to_conv

WEIGHT = (np.arange(3 * 24) % 13 - 4.0).reshape(3, 24) / 16


@pytest.mark.parametrize("order", ["chw", "hwc"])
def test_the_kernel_is_the_whole_map_in_the_order_of_the_flatten(order):
    nodes = {"in": source(2, 3, 4), "flat": flatten(), "fc": nir.Linear(WEIGHT), "if": neurons(), "out": sink()}
    network = read(chain(**nodes), "torch", flatten=order)
    after = linear_to_conv(network)
    kernel = after.node("fc").weights
    assert kernel.shape == (3, 2, 3, 4)
    flat = kernel if order == "chw" else kernel.transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(flat.reshape(3, 24), WEIGHT)
    assert after.node("fc").origin == ("fc", "flat")
    assert_same_run(network, after, raster(network, 1))


def test_a_bias_stays_the_bias():
    bias = np.array([0.5, -0.25, 0.0])
    nodes = {"in": source(2, 3, 4), "flat": flatten(), "fc": nir.Affine(WEIGHT, bias), "if": neurons(), "out": sink()}
    network = read(chain(**nodes), "torch")
    after = linear_to_conv(network)
    assert after.node("fc").bias.tolist() == bias.tolist()
    assert_same_run(network, after, raster(network, 1))


@pytest.mark.parametrize("order", ["chw", "hwc"])
def test_scales_behind_a_flatten_keep_to_their_pixels(order):
    one, two = scale(np.arange(1.0, 25.0)), scale(np.arange(25.0)[1:] % 5 + 1)
    nodes = {"in": source(2, 3, 4), "flat": flatten(), "one": one, "two": two, "fc": nir.Linear(WEIGHT)}
    network = read(chain(**nodes, **{"if": neurons(), "out": sink()}), "torch", flatten=order)
    assert_same_run(network, linear_to_conv(network), raster(network, 1))
    assert_same_run(network, normalise(network), raster(network, 1))


def test_two_sources_through_one_flatten_each():
    nodes = {"in": source(), "a": conv(kernel=7), "if": neurons(), "flat": flatten(), "flat2": flatten()}
    nodes |= {"b": conv(kernel=7), "if_b": neurons(), "fc": nir.Linear(WEIGHT[:, :8]), "if_c": neurons(), "out": sink()}
    edges = ("in -> a -> if -> flat -> fc -> if_c -> out", "in -> b -> if_b -> flat2 -> fc")
    network = read(graph(nodes, *edges), "torch")
    after = linear_to_conv(network)
    assert {e.source for e in after.edges_into("fc")} == {"if", "if_b"}
    assert_same_run(network, after, raster(network, 1))


def test_a_flatten_in_front_of_an_output_goes_where_only_the_shape_changes():
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "flat": flatten(), "out": sink()}
    after = linear_to_conv(read(chain(**nodes), "torch"))
    assert after.node("out").input_shape == (2, 6, 6)
    with pytest.raises(CompileError, match=r"ND219 .* \$\.nodes\.flat: a Flatten of order hwc feeds out"):
        linear_to_conv(read(chain(**nodes), "torch", flatten="hwc"))


def test_a_flatten_in_front_of_a_convolution_of_its_own_is_refused():
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "flat": flatten(), "conv2": conv(3, 72, 1)}
    with pytest.raises(CompileError, match=r"ND219 .* \$\.nodes\.flat: a Flatten of order chw feeds conv2"):
        linear_to_conv(read(chain(**nodes, if2=neurons(), out=sink()), "torch"))


def test_all_that_a_misplaced_flatten_feeds_is_named():
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "flat": flatten(), "out": sink(), "out2": sink()}
    network = read(graph(nodes, "in -> conv -> if -> flat -> out", "flat -> out2"), "torch", flatten="hwc")
    with pytest.raises(CompileError) as caught:
        linear_to_conv(network)
    assert [(d.code, d.value, d.limit) for d in caught.value.diagnostics] == [("ND219", "out, out2", "hwc")]


def test_a_sum_of_maps_that_differ_before_the_flatten_is_refused():
    nodes = {"in": source(), "a": conv(kernel=7), "if": neurons(), "flat": flatten()}
    nodes |= {"b": conv(out=8, kernel=8), "if_b": neurons(), "fc": nir.Linear(WEIGHT[:, :8]), "if_c": neurons()}
    edges = ("in -> a -> if -> flat -> fc -> if_c -> out", "in -> b -> if_b -> fc")
    network = read(graph({**nodes, "out": sink()}, *edges), "torch")
    with pytest.raises(CompileError, match=r"ND116 .* \$\.nodes\.fc: the sum is of 2x2x2 \(chw\) and 8x1x1 \(chw\)"):
        linear_to_conv(network)
