"""An average over k pixels is their sum times 1/k: the chip sums, and the factor goes into weights later."""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Edge, Network, Pool, Scale
from nirdynap.passes.rewrite import fresh_name, inserted, replaced, with_edges


def average_pools(network: Network) -> Network:
    """Every average pool becomes a sum pool followed by a Scale."""
    for pool in network.nodes:
        if not isinstance(pool, Pool) or pool.kind == "sum":
            continue
        factor = np.full(pool.output_shape, 1 / (pool.size[0] * pool.size[1]))
        scale = Scale(
            name=fresh_name(network, f"{pool.name}.mean"),
            origin=pool.origin,
            input_shape=pool.output_shape,
            factor=frozen(factor),
        )
        network = inserted(replaced(network, dataclasses.replace(pool, kind="sum")), scale, pool.name)
        edges = [dataclasses.replace(e, source=scale.name) if e.source == pool.name else e for e in network.edges]
        network = with_edges(network, (*edges, Edge(source=pool.name, target=scale.name)))
    return network
