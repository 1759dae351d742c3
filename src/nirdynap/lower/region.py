"""What a network cuts out of its input, or merges of it, before it computes anything: the DVS layer does that for free.

NIR has no node for a region, nor for a polarity. A convolution says both: its one tap, a 1 for each channel that it
passes on, moves the map, and what moves out of it is cut off.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nirdynap.ir.dvs import Polarity
from nirdynap.ir.network import Conv, Flatten, Linear, Network, Node, Pool, Scale
from nirdynap.ir.units import Pair
from nirdynap.passes.expand_kernels import full_channels
from nirdynap.passes.rewrite import bypassed, credited, replaced

if TYPE_CHECKING:
    from nirdynap.lower.camera import DvsOptions


def without_regions(network: Network, options: DvsOptions) -> tuple[Network, DvsOptions]:
    """The network without the regions and polarities that it begins with, and the camera options that pass just these.

    Pools may stand in front of such a convolution, or between two of them. It stays where something of its padding
    would be seen, where it does anything else (scales, repeats or exchanges channels, strides, adds a bias), and where
    neurons follow it, whose weights it is.
    """
    while (found := _leading(network, options)) is not None:
        options = _narrowed(network, options, found)
        network = _without(network, found)
    return network, options


class _Region(NamedTuple):
    conv: Conv
    pools: tuple[Pool, ...]  # in front of it
    polarity: Polarity
    corner: Pair  # in the pixels of the network's input, as the size
    size: Pair


def _leading(network: Network, options: DvsOptions) -> _Region | None:
    """The first convolution, if it only passes on a region or a polarity that the camera can pass, too."""
    pools: list[Pool] = []
    node: Node = network.input
    while True:
        edges = network.edges_from(node.name)
        if len(edges) != 1 or edges[0].feature_shift or len(network.edges_into(edges[0].target)) != 1:
            return None
        node, before = network.node(edges[0].target), node
        if node.input_shape != before.output_shape:
            return None
        if not isinstance(node, Pool):
            break
        pools.append(node)
    if not isinstance(node, Conv) or not _feeds_weights(network, node):
        return None
    polarity, corner = _polarity(node, options.polarity), _corner(node)
    if polarity is None or corner is None:
        return None
    factor = tuple(int(np.prod([pool.size[axis] for pool in pools])) for axis in (0, 1))
    _, height, width = node.output_shape
    return _Region(
        conv=node,
        pools=tuple(pools),
        polarity=polarity,
        corner=(corner[0] * factor[0], corner[1] * factor[1]),
        size=(height * factor[0], width * factor[1]),
    )


def _feeds_weights(network: Network, node: Node) -> bool:
    return all(
        isinstance(target, Conv | Linear)
        or (isinstance(target, Pool | Scale | Flatten) and _feeds_weights(network, target))
        for target in network.targets(node.name)
    )


def _polarity(conv: Conv, passing: Polarity) -> Polarity | None:
    """What the camera passes if the convolution passes some of the channels `passing`, and nothing else; or None."""
    taps = full_channels(conv).sum(axis=(2, 3))
    if np.count_nonzero(conv.weights) != np.count_nonzero(taps) or (conv.bias is not None and conv.bias.any()):
        return None
    if np.array_equal(taps, np.eye(len(taps))) or np.array_equal(taps, [[1, 1]]):
        return passing
    chosen: Iterator[Polarity] = (p for p, row in _CHOICES if np.array_equal(taps, row) and passing in ("both", p))
    return next(chosen, None)


_CHOICES: tuple[tuple[Polarity, list[list[int]]], ...] = (
    ("off", [[1, 0]]),
    ("on", [[0, 1]]),
    ("off", [[1, 0], [0, 0]]),
    ("on", [[0, 0], [0, 1]]),
)


def _corner(conv: Conv) -> Pair | None:
    """(y, x) of the first pixel that the convolution passes on; None if it does not just pass on a part of its map."""
    taps = np.unique(np.argwhere(conv.weights)[:, 2:], axis=0)
    if len(taps) != 1 or (conv.stride, conv.dilation) != ((1, 1), (1, 1)):
        return None
    y, x = (int(tap) - pad for tap, pad in zip(taps[0], conv.padding, strict=True))
    (_, rows, columns), (_, height, width) = conv.input_shape, conv.output_shape
    return (y, x) if 0 <= y <= rows - height and 0 <= x <= columns - width else None


def _narrowed(network: Network, options: DvsOptions, region: _Region) -> DvsOptions:
    """The options of a camera that passes the region only; along its own axes, from the end where it is mirrored."""
    turned = -1 if options.mirror_diagonal else 1
    rows = zip(
        options.origin,
        options.pooling,
        network.input.input_shape[1:][::turned],
        region.corner[::turned],
        region.size[::turned],
        (options.mirror_y, options.mirror_x),
        strict=True,
    )
    y, x = (
        origin + pooling * (side - start - size if mirror else start)
        for origin, pooling, side, start, size, mirror in rows
    )
    return dataclasses.replace(options, origin=(y, x), polarity=region.polarity)


def _without(network: Network, region: _Region) -> Network:
    conv = region.conv
    shape = (conv.output_shape[0], *region.size)
    network = replaced(network, dataclasses.replace(network.input, input_shape=shape))
    for pool in region.pools:
        pool = dataclasses.replace(pool, input_shape=shape)
        network, shape = replaced(network, pool), pool.output_shape
    for target in network.targets(conv.name):
        network = replaced(network, credited(target, conv.origin))
    return bypassed(network, conv.name)
