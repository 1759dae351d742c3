"""Grouping: one convolution, the neurons behind it, and the pools on the way to each destination make one layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nirdynap.ir.layers import Layer, Link, Readout
from nirdynap.ir.network import IF, Conv, Edge, Input, Network, Output, Pool
from nirdynap.ir.units import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """Where the spikes of a neuron layer end up: an edge into a convolution or Output, and the pooling before it."""

    edge: Edge
    pooling: Pair
    through: tuple[str, ...]


def group(network: Network) -> tuple[Layer, ...]:
    """The layers of a normalised network, in its canonical topological order."""
    convs = [n for n in network.nodes if isinstance(n, Conv)]
    index = {conv.name: i for i, conv in enumerate(convs)}
    return tuple(_layer(network, conv, index) for conv in convs)


def _layer(network: Network, conv: Conv, index: dict[str, int]) -> Layer:
    (neuron,) = network.targets(conv.name)
    assert isinstance(neuron, IF), f"{conv.name} has no neurons: the passes let it through"
    arrivals = tuple(_arrivals(network, neuron.name))
    links = sorted((index[a.edge.target], a.pooling, a.edge.feature_shift) for a in arrivals if a.edge.target in index)
    bias = None if conv.bias is None or not conv.bias.any() else conv.bias
    through = tuple(o for a in arrivals for o in a.through)
    return Layer(
        name=conv.name,
        origin=tuple(dict.fromkeys((*conv.origin, *neuron.origin, *through))),
        input_shape=conv.input_shape,
        neuron_shape=neuron.output_shape,
        weights=conv.weights,
        bias=bias,
        stride=conv.stride,
        padding=conv.padding,
        threshold=float(neuron.threshold.flat[0]),
        v_min=None if neuron.v_min is None else float(neuron.v_min.flat[0]),
        reset=neuron.reset,
        tie=neuron.tie,
        links=tuple(Link(target=t, pooling=p, feature_shift=s) for t, p, s in links),
        readouts=tuple(Readout(pooling=a.pooling, name=a.edge.target) for a in arrivals if a.edge.target not in index),
        input_shifts=tuple(
            e.feature_shift for e in network.edges_into(conv.name) if isinstance(network.node(e.source), Input)
        ),
        scale=neuron.scale,
    )


def _arrivals(network: Network, name: str) -> Iterator[_Arrival]:
    for edge in network.edges_from(name):
        target = network.node(edge.target)
        if not isinstance(target, Pool):
            assert isinstance(target, (Conv, Output))
            yield _Arrival(edge=edge, pooling=(1, 1), through=())
            continue
        for onward in network.edges_from(target.name):  # no pool feeds a pool: the passes have merged them
            yield _Arrival(edge=onward, pooling=target.size, through=target.origin)
