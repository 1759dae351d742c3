"""Pools in a row are one pool: sums of sums over windows of windows, remainders included."""

from __future__ import annotations

import dataclasses

from nirdynap.ir.network import Network, Pool
from nirdynap.passes.rewrite import credited, fresh_name, inserted, with_edges


def consolidate_pools(network: Network) -> Network:
    """The network without a pool that feeds a pool; their sizes multiply."""
    while (pair := _pool_of_pool(network)) is not None:
        network = _merged(network, *pair)
    return network


def _pool_of_pool(network: Network) -> tuple[Pool, Pool] | None:
    for second in network.nodes:
        if isinstance(second, Pool):
            for first in network.sources(second.name):
                if isinstance(first, Pool):
                    return first, second
    return None


def _merged(network: Network, first: Pool, second: Pool) -> Network:
    """`first` then `second` as one pool beside them; each of the two goes if nothing else needs it.

    Edges that are equal add up like any others, so they are kept in lists and not in sets.
    """
    size = (first.size[0] * second.size[0], first.size[1] * second.size[1])
    both = dataclasses.replace(second, name=fresh_name(network, second.name), input_shape=first.input_shape, size=size)
    network = inserted(network, credited(both, first.origin), second.name)
    edges = [e for e in network.edges if (e.source, e.target) != (first.name, second.name)]
    times = len(network.edges) - len(edges)
    edges += [dataclasses.replace(e, target=both.name) for e in network.edges_into(first.name)] * times
    edges += [dataclasses.replace(e, source=both.name) for e in network.edges_from(second.name)]
    if not any(e.target == second.name for e in edges):
        edges = [e for e in edges if e.source != second.name]
    if not any(e.source == first.name for e in edges):
        edges = [e for e in edges if e.target != first.name]
    used = {name for e in edges for name in (e.source, e.target)}
    network = dataclasses.replace(network, nodes=tuple(n for n in network.nodes if n.name in used))
    return with_edges(network, tuple(edges))
