"""The chip's kernels are square: rows or columns of zeros fill them up at the bottom or right.

So that the output map keeps its size, the input map is declared larger by as many rows or columns, to which no source
ever sends a spike. It costs kernel words and changes no result.
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
        if not isinstance(conv, Conv) or conv.weights.shape[2] == conv.weights.shape[3]:
            continue
        out, channels, ky, kx = conv.weights.shape
        side = max(ky, kx)
        weights = np.zeros((out, channels, side, side))
        weights[:, :, :ky, :kx] = conv.weights
        c, h, w = conv.input_shape
        shape = (c, h + side - ky, w + side - kx)
        network = replaced(network, dataclasses.replace(conv, weights=frozen(weights, np.float64), input_shape=shape))
    return network
