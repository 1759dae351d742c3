import numpy as np
import pytest
from same_run import assert_same_run, raster

from by_hand import chain, conv, flatten, graph, neurons, scale, sink, source, sum_pool
from nirdynap.frontend import read
from nirdynap.passes.drop_noops import drop_noops


def test_pools_of_one_scales_of_one_and_flat_flattens_vanish():
    nodes = {"in": source(), "conv": conv(kernel=8), "if": neurons(), "pool": sum_pool(1), "ones": scale([1.0])}
    network = read(chain(**nodes, flat=flatten(), out=sink()), "torch")
    after = drop_noops(network)
    assert [n.name for n in after.nodes] == ["in", "conv", "if", "out"]
    assert_same_run(network, after, raster(network, 1))


@pytest.mark.parametrize("size", [(2, 2), (1, 2), (2, 1)])
def test_what_has_an_effect_stays(size):
    pool = sum_pool(2, kernel_size=np.array(size), stride=np.array(size))
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "pool": pool, "half": scale([1.0, 0.5]), "out": sink()}
    network = read(chain(**nodes), "torch")
    assert drop_noops(network) == network


def test_a_way_through_a_noop_adds_up_with_the_direct_way():
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "ones": scale(1.0)}
    nodes |= {"conv2": conv(channels=2), "if2": neurons(), "out": sink()}
    edges = ("in -> conv -> if -> conv2 -> if2 -> out", "if -> ones -> conv2")
    network = read(graph(nodes, *edges), "torch")
    after = drop_noops(network)
    assert len(after.edges_into("conv2")) == 2
    assert_same_run(network, after, raster(network, 1))
