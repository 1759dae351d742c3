from same_run import assert_same_run, raster

from by_hand import avg_pool, chain, conv, neurons, sink, source, sum_pool
from nirdynap.frontend import read
from nirdynap.ir.network import Pool, Scale
from nirdynap.passes.average_pools import average_pools


def test_an_average_is_a_sum_and_a_factor():
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "pool": avg_pool(2), "conv2": conv(channels=2, kernel=1)}
    network = read(chain(**nodes, if2=neurons(), out=sink()), "torch")
    after = average_pools(network)
    (pool,), (scale,) = ([n for n in after.nodes if isinstance(n, kind)] for kind in (Pool, Scale))
    assert pool.kind == "sum"
    assert (scale.factor == 0.25).all()
    assert (scale.name, scale.origin) == ("pool.mean", ("pool",))
    assert_same_run(network, after, raster(network, 1))


def test_the_factor_gets_a_name_of_its_own():
    nodes = {
        "in": source(),
        "conv": conv(),
        "if": neurons(),
        "pool": avg_pool(2),
        "pool.mean": conv(channels=2, kernel=1),
    }
    after = average_pools(read(chain(**nodes, if2=neurons(), out=sink()), "torch"))
    assert len({n.name for n in after.nodes}) == len(after.nodes) == 8


def test_the_window_need_not_be_square():
    nodes = {"in": source(), "pool": avg_pool((2, 4)), "conv": conv(kernel=2), "if": neurons(), "out": sink()}
    network = read(chain(**nodes), "torch")
    after = average_pools(network)
    (scale,) = (n for n in after.nodes if isinstance(n, Scale))
    assert (scale.factor == 1 / 8).all()
    assert_same_run(network, after, raster(network, 2))


def test_a_sum_stays_what_it_is():
    network = read(
        chain(**{"in": source(), "pool": sum_pool(2), "conv": conv(), "if": neurons(), "out": sink()}), "torch"
    )
    assert average_pools(network) is network
