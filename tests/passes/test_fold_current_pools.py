import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from same_run import assert_same_run, raster

from by_hand import avg_pool, chain, conv, graph, neurons, sink, source, sum_pool
from nirdynap.frontend import read
from nirdynap.ir.network import Conv, Pool
from nirdynap.passes import normalise
from nirdynap.passes.fold_current_pools import fold_current_pools


@given(
    size=st.integers(2, 3),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 1),
    rows=st.integers(7, 12),
    biased=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_pool_behind_a_convolution_goes_into_it(size, kernel, stride, padding, rows, biased, seed):
    layer = conv(out=3, channels=2, kernel=kernel, stride=stride, padding=padding)
    layer.bias = np.arange(3) / 8 * biased
    nodes = {"in": source(2, rows, 9), "conv": layer, "pool": sum_pool(size), "if": neurons(), "out": sink()}
    network = read(chain(**nodes), "torch")
    after = fold_current_pools(network)
    assert not any(isinstance(n, Pool) for n in after.nodes)
    assert after.node("conv").origin == ("conv", "pool")
    assert_same_run(network, after, raster(network, seed))


def test_an_average_is_a_sum_and_a_factor():
    nodes = {"in": source(), "conv": conv(), "pool": avg_pool(2), "if": neurons(), "out": sink()}
    network = read(chain(**nodes), "torch")
    after = normalise(network)
    assert [n.stride for n in after.nodes if isinstance(n, Conv)] == [(2, 2)]
    assert_same_run(network, after, raster(network, 3))


@pytest.mark.parametrize(
    "edges",
    [
        ("in -> conv -> pool -> if -> out", "conv -> if2 -> out2"),  # the convolution feeds more than the pool
        ("in -> conv -> pool -> if -> out", "in -> conv2 -> pool", "if -> out2"),  # the pool has another source
    ],
)
def test_what_is_shared_stays(edges):
    nodes = {"in": source(), "conv": conv(), "conv2": conv(), "pool": sum_pool(2), "if": neurons(), "out": sink()}
    nodes |= {"if2": neurons(), "out2": sink()}
    used = {name for chain_ in edges for name in chain_.split(" -> ")}
    network = read(graph({k: v for k, v in nodes.items() if k in used}, *edges), "torch")
    assert fold_current_pools(network) is network
