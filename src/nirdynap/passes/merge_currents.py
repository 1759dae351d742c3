"""Several convolutions into one layer of neurons are one convolution: their kernels laid over each other.

Convolutions of the same sources share input channels; others get channels of their own, one block behind the other.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.network import IF, Conv, Edge, Network
from nirdynap.ir.units import FloatArray, Pair
from nirdynap.passes.rewrite import credited, replaced, with_edges

_Sources = tuple[tuple[str, int], ...]


def merge_currents(network: Network) -> Network:
    """The network with one convolution in front of each layer of neurons where currents can be merged.

    They can if the convolutions feed nothing else, have the same stride, and see maps of the same size.
    """
    for neuron in network.nodes:
        convs = [c for c in network.sources(neuron.name) if isinstance(c, Conv)]
        if isinstance(neuron, IF) and len(convs) > 1 and _mergeable(network, neuron, convs):
            network = _merged(network, convs)
    return network


def _mergeable(network: Network, neuron: IF, convs: list[Conv]) -> bool:
    alone = all(len(network.edges_from(c.name)) == 1 for c in convs)
    frames = {(c.stride, c.input_shape[1:]) for c in convs}
    return alone and len(frames) == 1 and len(network.edges_into(neuron.name)) == len(convs)


def _merged(network: Network, convs: list[Conv]) -> Network:
    last = convs[-1]  # behind the sources of all of them
    padding = (max(c.padding[0] for c in convs), max(c.padding[1] for c in convs))
    kernel = _common_kernel(convs, padding)
    blocks: dict[_Sources, FloatArray] = {}
    for conv in convs:
        sources = tuple((e.source, e.feature_shift) for e in network.edges_into(conv.name))
        laid = _laid(conv, padding, kernel)
        blocks[sources] = blocks[sources] + laid if sources in blocks else laid
    edges = [e for e in network.edges if not {c.name for c in convs} & {e.source, e.target}]
    edges.append(network.edges_from(last.name)[0])
    shift = 0
    for sources, weights in blocks.items():
        edges += [Edge(source=s, target=last.name, feature_shift=shift + f) for s, f in sources]
        shift += weights.shape[1]
    new = dataclasses.replace(
        last,
        input_shape=(shift, *last.input_shape[1:]),
        weights=frozen(np.concatenate(list(blocks.values()), axis=1)),
        bias=_sum_of_biases(convs),
        padding=padding,
    )
    assert new.output_shape == last.output_shape, f"{last.name}: merged kernels give another map"
    network = replaced(network, credited(new, tuple(o for c in convs[:-1] for o in c.origin)))
    gone = {c.name for c in convs[:-1]}
    return with_edges(
        dataclasses.replace(network, nodes=tuple(n for n in network.nodes if n.name not in gone)), tuple(edges)
    )


def _common_kernel(convs: list[Conv], padding: Pair) -> Pair:
    """Rows and columns that hold every kernel once all begin at the largest padding."""
    y, x = (max(padding[a] - c.padding[a] + c.weights.shape[2 + a] for c in convs) for a in (0, 1))
    return (y, x)


def _laid(conv: Conv, padding: Pair, kernel: Pair) -> FloatArray:
    out, channels, ky, kx = conv.weights.shape
    top, left = padding[0] - conv.padding[0], padding[1] - conv.padding[1]
    laid = np.zeros((out, channels, *kernel))
    laid[:, :, top : top + ky, left : left + kx] = conv.weights
    return laid


def _sum_of_biases(convs: list[Conv]) -> FloatArray | None:
    biases = [c.bias for c in convs if c.bias is not None]
    return frozen(np.sum(biases, axis=0)) if biases else None
