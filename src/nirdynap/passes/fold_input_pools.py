"""A plain input cannot be pooled on the chip: the first convolution does it, each tap repeated over the window."""

from __future__ import annotations

import dataclasses

from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Conv, Input, Network, Pool
from nirdynap.passes.rewrite import bypassed, credited, replaced


def fold_input_pools(network: Network) -> Network:
    """The network without sum pools between the Input and convolutions, and the same currents.

    A pool stays where folding would not be exact: where a convolution pads and the window does not divide the map, so
    that rows which the pool drops would lie in reach of the kernel; or where a convolution has other sources as well.
    """
    for pool in network.nodes:
        if isinstance(pool, Pool) and pool.kind == "sum" and _folds(network, pool):
            for conv in network.targets(pool.name):
                assert isinstance(conv, Conv)
                network = replaced(network, credited(_repeated(conv, pool), pool.origin))
            network = bypassed(network, pool.name)
    return network


def _folds(network: Network, pool: Pool) -> bool:
    _, h, w = pool.input_shape
    divides = h % pool.size[0] == 0 and w % pool.size[1] == 0
    return all(isinstance(s, Input) for s in network.sources(pool.name)) and all(
        isinstance(t, Conv)
        and len(network.edges_into(t.name)) == 1
        and t.input_shape[1:] == pool.output_shape[1:]
        and (divides or t.padding == (0, 0))
        for t in network.targets(pool.name)
    )


def _repeated(conv: Conv, pool: Pool) -> Conv:
    py, px = pool.size
    weights = conv.weights.repeat(py, axis=2).repeat(px, axis=3)
    return dataclasses.replace(
        conv,
        input_shape=(conv.input_shape[0], *pool.input_shape[1:]),
        weights=frozen(weights),
        stride=(conv.stride[0] * py, conv.stride[1] * px),
        padding=(conv.padding[0] * py, conv.padding[1] * px),
    )
