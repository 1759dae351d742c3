import hypothesis.strategies as st
import pytest
from hypothesis import given
from same_run import assert_same_run, raster

from by_hand import avg_pool, chain, conv, graph, neurons, sink, source, sum_pool
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.network import Pool
from nirdynap.passes import normalise
from nirdynap.passes.fold_input_pools import fold_input_pools


@given(
    size=st.integers(2, 3),
    kernel=st.integers(1, 2),
    stride=st.integers(1, 2),
    padding=st.integers(0, 1),
    rest=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_the_first_convolution_pools_the_input(size, kernel, stride, padding, rest, seed):
    rest = min(rest, size - 1) * (padding == 0)
    layer = conv(out=2, channels=2, kernel=kernel, stride=stride, padding=padding)
    nodes = {"in": source(2, 4 * size + rest, 3 * size), "pool": sum_pool(size), "conv": layer, "if": neurons()}
    network = read(chain(**nodes, out=sink()), "torch")
    after = fold_input_pools(network)
    assert not any(isinstance(n, Pool) for n in after.nodes)
    assert_same_run(network, after, raster(network, seed))


def test_each_axis_has_its_own_window_stride_and_padding():
    layer = conv(kernel=3, stride=(1, 2), padding=(0, 1))
    nodes = {"in": source(1, 10, 12), "pool": sum_pool((2, 3)), "conv": layer, "if": neurons(), "out": sink()}
    network = read(chain(**nodes), "torch")
    node = fold_input_pools(network).node("conv")
    assert (node.weights.shape, node.stride, node.padding) == ((2, 1, 6, 9), (2, 6), (0, 3))
    assert_same_run(network, fold_input_pools(network), raster(network, 1))


def test_a_pool_of_other_sources_than_the_input_stays():
    nodes = {
        "in": source(),
        "a": conv(),
        "if": neurons(),
        "pool": sum_pool(2),
        "b": conv(channels=2),
        "if_b": neurons(),
    }
    network = read(chain(**nodes, out=sink()), "torch")
    assert fold_input_pools(network) is network


def test_one_pool_for_two_convolutions_and_an_average():
    nodes = {"in": source(), "pool": avg_pool(2), "a": conv(), "b": conv(kernel=1), "if": neurons(), "if2": neurons()}
    nodes |= {"out": sink(), "out2": sink()}
    network = read(graph(nodes, "in -> pool -> a -> if -> out", "pool -> b -> if2 -> out2"), "torch")
    assert_same_run(network, normalise(network), raster(network, 1))


def test_dropped_rows_in_reach_of_a_padded_kernel_are_refused():
    nodes = {"in": source(1, 9, 8), "pool": sum_pool(2), "conv": conv(padding=1), "if": neurons(), "out": sink()}
    network = read(chain(**nodes), "torch")
    assert fold_input_pools(network) is network
    with pytest.raises(CompileError, match="ND208"):
        normalise(network)
