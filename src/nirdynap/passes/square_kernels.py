"""The chip's kernels are square: rows or columns of zeros fill them up.

Half of them come first, and the padding grows by as many, so each position reads what it read before. An odd one is
left over where the sides of the kernel differ by an odd number. It does no harm where the positions are as many with
one more row, and where there is one position only, whose stride may be any. Otherwise the input map is declared larger
by a row or column to which no source ever sends a spike: exact in every simulator, but see ND629. It costs kernel words
and changes no result.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Conv, Network
from nirdynap.passes.rewrite import replaced


def square_kernels(network: Network) -> Network:
    """Every convolution with as many kernel rows as columns, and the same result."""
    for conv in network.nodes:
        if isinstance(conv, Conv) and conv.weights.shape[2] != conv.weights.shape[3]:
            network = replaced(network, _squared(conv))
    return network


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """Along y or x: zeros in front of the kernel, stride, padding, and by how much the input map is declared larger."""

    before: int
    stride: int
    padding: int
    more: int


def _squared(conv: Conv) -> Conv:
    out, channels, ky, kx = conv.weights.shape
    side = max(ky, kx)
    y, x = (_axis(conv, axis, side) for axis in (0, 1))
    weights = np.zeros((out, channels, side, side))
    weights[:, :, y.before : y.before + ky, x.before : x.before + kx] = conv.weights
    c, h, w = conv.input_shape
    return dataclasses.replace(
        conv,
        weights=frozen(weights),
        input_shape=(c, h + y.more, w + x.more),
        stride=(y.stride, x.stride),
        padding=(y.padding, x.padding),
    )


def _axis(conv: Conv, axis: int, side: int) -> _Axis:
    stride, padding, kernel = conv.stride[axis], conv.padding[axis], conv.weights.shape[2 + axis]
    zeros, spare = side - kernel, conv.input_shape[1 + axis] + 2 * padding - kernel
    # A padding below half of the kernel is legal wherever the kernel is.
    ways = [n for n in (-(-zeros // 2), zeros // 2) if padding + n <= (side - 1) // 2 or n == 0]
    for before in ways:
        left = spare + 2 * before - zeros  # what is left of the padded map beside the first position
        if left >= 0 and left // stride == spare // stride:
            return _Axis(before=before, stride=stride, padding=padding + before, more=0)
        if spare == 0 and left == 1:
            return _Axis(before=before, stride=2 * stride, padding=padding + before, more=0)
    before = max(0, min(zeros // 2, (side - 1) // 2 - padding))
    return _Axis(before=before, stride=stride, padding=padding + before, more=zeros - 2 * before)
