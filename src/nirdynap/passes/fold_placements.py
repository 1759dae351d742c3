"""A convolution that only puts its input somewhere into a map of another size is wiring, which destinations do.

It is how a NIR graph says what a destination can: channels side by side, rows and columns cut off, or added empty.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.ir.network import IF, Conv, Edge, Network
from nirdynap.ir.units import FloatArray, Pair
from nirdynap.passes.rewrite import credited, replaced, with_edges


def placement_kernel(features: int, channels: int, kernel: Pair, padding: Pair, shift: int) -> FloatArray:
    """Weights [features, channels, ky, kx] of a convolution that copies channel c to channel c + shift, at its place.

    Its map is larger than its input by 2 * padding - kernel + 1, or smaller; below and on the right.
    """
    weights = np.zeros((features, channels, *kernel))
    copied = np.arange(channels)
    weights[shift + copied, copied, padding[0], padding[1]] = 1.0
    return weights


def fold_placements(network: Network) -> Network:
    """The network without placements in front of convolutions: a feature shift on the edge says the same.

    What reaches beyond the map of an edge's target is cut off. A placement that cuts stays where later passes could
    enlarge that map: in front of kernels that are not square, or that are not alone in front of their neurons.
    """
    for node in reversed(network.nodes):  # of two in a row, the one behind goes first
        if isinstance(node, Conv) and (shift := _shift(node)) is not None:
            targets = [t for t in network.targets(node.name) if isinstance(t, Conv)]
            if len(targets) == len(network.targets(node.name)) and all(_fits(network, node, t) for t in targets):
                network = _folded(network, node, shift, targets)
    return network


def _shift(conv: Conv) -> int | None:
    """By how many channels the convolution moves its input; None if it does anything else as well."""
    features, channels, ky, kx = conv.weights.shape
    taps = np.argwhere(conv.weights)
    plain = (conv.stride, conv.dilation, conv.groups) == ((1, 1), (1, 1), 1)
    if not plain or (conv.bias is not None and conv.bias.any()) or len(taps) != channels:
        return None
    shift = int(taps[0, 0])
    if shift + channels > features or conv.padding[0] >= ky or conv.padding[1] >= kx:
        return None
    same = np.array_equal(conv.weights, placement_kernel(features, channels, (ky, kx), conv.padding, shift))
    return shift if same else None


def _fits(network: Network, placement: Conv, conv: Conv) -> bool:
    size, room = placement.input_shape[1:], placement.output_shape[1:]
    if conv.input_shape[1:] != room:
        return False  # the target takes in more than this map, and would see again what was cut off here
    cuts = size[0] > room[0] or size[1] > room[1]
    alone = all(isinstance(n, IF) and len(network.edges_into(n.name)) == 1 for n in network.targets(conv.name))
    return not cuts or (conv.weights.shape[2] == conv.weights.shape[3] and alone)


def _folded(network: Network, placement: Conv, shift: int, targets: list[Conv]) -> Network:
    through = [
        Edge(source=a.source, target=b.target, feature_shift=a.feature_shift + shift + b.feature_shift)
        for a in network.edges_into(placement.name)
        for b in network.edges_from(placement.name)
    ]
    rest = (e for e in network.edges if placement.name not in (e.source, e.target))
    for target in targets:
        network = replaced(network, credited(target, placement.origin))
    nodes = tuple(n for n in network.nodes if n.name != placement.name)
    return with_edges(dataclasses.replace(network, nodes=nodes), (*rest, *through))
