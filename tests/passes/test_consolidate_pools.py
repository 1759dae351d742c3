from same_run import assert_same_run, raster

from by_hand import chain, conv, graph, neurons, scale, sink, source, sum_pool
from nirdynap.frontend import read
from nirdynap.ir.network import Pool
from nirdynap.passes import normalise
from nirdynap.passes.consolidate_pools import consolidate_pools
from nirdynap.passes.drop_noops import drop_noops

FRONT = {"in": source(1, 13, 13), "conv": conv(), "if": neurons()}  # 11 x 11: no pool divides it


def pools(network):
    return {n.name: n.size for n in network.nodes if isinstance(n, Pool)}


def test_sizes_multiply_and_remainders_stay_dropped():
    network = read(chain(**FRONT, a=sum_pool(2), b=sum_pool(2), out=sink()), "torch")
    after = consolidate_pools(network)
    assert list(pools(after).values()) == [(4, 4)]
    assert_same_run(network, after, raster(network, 1))


def test_each_axis_multiplies_by_itself():
    nodes = {"in": source(1, 20, 9), "conv": conv(), "if": neurons(), "a": sum_pool((2, 3)), "b": sum_pool((4, 1))}
    network = read(chain(**nodes, out=sink()), "torch")
    after = consolidate_pools(network)
    assert list(pools(after).values()) == [(8, 3)]
    assert_same_run(network, after, raster(network, 1))


def test_a_pool_that_feeds_something_else_too_stays():
    nodes = {**FRONT, "a": sum_pool(2), "b": sum_pool(2), "half": sink(), "quarter": sink()}
    network = read(graph(nodes, "in -> conv -> if -> a -> half", "a -> b -> quarter"), "torch")
    after = consolidate_pools(network)
    assert sorted(pools(after).values()) == [(2, 2), (4, 4)]
    assert_same_run(network, after, raster(network, 1))


def test_equal_ways_into_a_pool_keep_adding_up():
    nodes = {**FRONT, "one": scale(1.0), "a": sum_pool(2), "b": sum_pool(2), "conv2": conv(channels=2, kernel=1)}
    nodes |= {"if2": neurons(4.0), "out": sink()}
    network = read(graph(nodes, "in -> conv -> if -> a -> b -> conv2 -> if2 -> out", "if -> one -> a"), "torch")
    merged = consolidate_pools(drop_noops(network))
    assert len(merged.edges_into(next(iter(pools(merged))))) == 2
    assert_same_run(network, merged, raster(network, 1))


def test_equal_ways_from_pool_to_pool_keep_adding_up():
    nodes = {**FRONT, "a": sum_pool(2), "one": scale(1.0), "b": sum_pool(2), "conv2": conv(channels=2, kernel=1)}
    nodes |= {"if2": neurons(4.0), "out": sink()}
    network = read(graph(nodes, "in -> conv -> if -> a -> b -> conv2 -> if2 -> out", "a -> one -> b"), "torch")
    assert_same_run(network, normalise(network), raster(network, 1))
