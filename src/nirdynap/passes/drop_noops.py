"""Nodes that change nothing vanish: pools of 1x1, scales of one, Flatten of what is flat already."""

from __future__ import annotations

from nirdynap.ir.network import Flatten, Network, Node, Pool, Scale
from nirdynap.passes.rewrite import bypassed


def drop_noops(network: Network) -> Network:
    """The network without nodes that have no effect."""
    for node in network.nodes:
        if _is_noop(node):
            network = bypassed(network, node.name)
    return network


def _is_noop(node: Node) -> bool:
    if isinstance(node, Pool):
        return node.size == (1, 1)
    if isinstance(node, Scale):
        return bool((node.factor == 1).all())
    return isinstance(node, Flatten) and node.input_shape == node.output_shape
