from same_run import assert_same_run, raster

from by_hand import avg_pool, chain, conv, neurons, sink, source
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
    assert scale.origin == ("pool",)
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
