"""The layers that a normalised network was grouped into, as a network again: floats, in the cores' terms."""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.ir.digest import digest, frozen
from nirdynap.ir.layers import Layer
from nirdynap.ir.network import IF, Conv, Edge, Network, Node, Pool, build_network, unused_name
from nirdynap.ir.units import Pair


def network_of_layers(layers: tuple[Layer, ...], network: Network) -> Network:
    """What `layers` say, and nothing else, as a network that can be run.

    Args:
        layers: what grouping made of `network`.
        network: normalised; it gives the neurons' names, the Input and Output nodes, and the convention.
    """
    nodes: list[Node] = [network.input, *network.outputs]
    edges: list[Edge] = []
    taken = {node.name for node in network.nodes}
    for layer in layers:
        conv, neuron = _conv(layer), _neurons(layer, network)
        nodes += [conv, neuron]
        edges.append(Edge(source=conv.name, target=neuron.name))
        edges += [
            Edge(source=network.input.name, target=conv.name, feature_shift=shift) for shift in layer.input_shifts
        ]
        pools: dict[Pair, str] = {(1, 1): neuron.name}
        ways = [(link.pooling, layers[link.target].name, link.feature_shift) for link in layer.links]
        for size, target, shift in (*ways, *((r.pooling, r.name, r.feature_shift) for r in layer.readouts)):
            if size not in pools:
                pools[size] = unused_name(taken, "pool")
                taken.add(pools[size])
                shape = layer.neuron_shape
                nodes.append(Pool(name=pools[size], origin=(), input_shape=shape, kind="sum", size=size))
                edges.append(Edge(source=neuron.name, target=pools[size]))
            edges.append(Edge(source=pools[size], target=target, feature_shift=shift))
    return build_network(tuple(nodes), tuple(edges), network.convention)


def _conv(layer: Layer) -> Conv:
    return Conv(
        name=layer.name,
        origin=layer.origin,
        input_shape=layer.input_shape,
        weights=layer.weights,
        bias=layer.bias,
        stride=layer.stride,
        padding=layer.padding,
    )


def _neurons(layer: Layer, network: Network) -> IF:
    (name,) = (node.name for node in network.targets(layer.name))
    everywhere = np.ones(layer.neuron_shape)
    return IF(
        name=name,
        origin=layer.origin,
        input_shape=layer.neuron_shape,
        threshold=frozen(everywhere * layer.threshold, np.float64),
        gain=frozen(everywhere, np.float64),
        v_min=None if layer.v_min is None else frozen(everywhere * layer.v_min, np.float64),
        reset=layer.reset,
        tie=layer.tie,
        scale=layer.scale,
    )


def compute_the_same(a: Network, b: Network) -> bool:
    """Do two networks have the same nodes and edges but for names? Then their runs are the same, bit for bit."""
    return _substance(a) == _substance(b)


def _substance(network: Network) -> str:
    in_order = build_network(network.nodes, network.edges, network.convention)
    number = {node.name: i for i, node in enumerate(in_order.nodes)}
    edges = sorted((number[e.source], number[e.target], e.feature_shift) for e in in_order.edges)
    return digest((network.convention, [_anonymous(node) for node in in_order.nodes], edges))


def _anonymous(node: Node) -> Node:
    """The node without what does not take part in the run; a bias of zeros moves no spike."""
    node = dataclasses.replace(node, name="", origin=())
    idle = isinstance(node, Conv) and node.bias is not None and not node.bias.any()
    return dataclasses.replace(node, bias=None) if isinstance(node, Conv) and idle else node
