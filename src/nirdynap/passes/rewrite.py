"""The three edits that passes are made of. Each returns a new Network and keeps the canonical order of the rest."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from nirdynap.ir.network import Edge, Network, Node, unused_name

_N = TypeVar("_N", bound=Node)


def replaced(network: Network, new: Node) -> Network:
    """`new` in the place of the node of the same name."""
    return dataclasses.replace(network, nodes=tuple(new if n.name == new.name else n for n in network.nodes))


def bypassed(network: Network, name: str) -> Network:
    """Without node `name`: each of its sources feeds each of its targets."""
    inner = [
        Edge(source=a.source, target=b.target, feature_shift=a.feature_shift + b.feature_shift)
        for a in network.edges_into(name)
        for b in network.edges_from(name)
    ]
    rest = tuple(e for e in network.edges if name not in (e.source, e.target))
    nodes = tuple(n for n in network.nodes if n.name != name)
    return with_edges(dataclasses.replace(network, nodes=nodes), (*rest, *inner))


def inserted(network: Network, new: Node, after: str) -> Network:
    """`new`, still unconnected, right behind node `after` in the order."""
    nodes: list[Node] = []
    for node in network.nodes:
        nodes.append(node)
        if node.name == after:
            nodes.append(new)
    return dataclasses.replace(network, nodes=tuple(nodes))


def with_edges(network: Network, edges: tuple[Edge, ...]) -> Network:
    """The same nodes with other edges, put into order."""
    rank = {n.name: i for i, n in enumerate(network.nodes)}
    ordered = sorted(edges, key=lambda e: (rank[e.source], rank[e.target], e.feature_shift))
    return dataclasses.replace(network, edges=tuple(ordered))


def fresh_name(network: Network, base: str) -> str:
    """`base`, or `base` with marks behind it if the user has a node of that name."""
    return unused_name((n.name for n in network.nodes), base)


def credited(node: _N, origin: tuple[str, ...]) -> _N:
    """`node`, which now also stands for the user's nodes `origin`."""
    return dataclasses.replace(node, origin=(*node.origin, *(o for o in origin if o not in node.origin)))
