"""The chip has neither groups nor dilation: both become full kernels with explicit zeros."""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Conv, Network
from nirdynap.ir.units import FloatArray
from nirdynap.passes.rewrite import replaced


def expand_kernels(network: Network) -> Network:
    """Every convolution with one group and dilation 1, and the same result."""
    for conv in network.nodes:
        if isinstance(conv, Conv) and (conv.groups > 1 or conv.dilation != (1, 1)):
            weights = _spread_taps(full_channels(conv), conv.dilation[0], conv.dilation[1])
            new = dataclasses.replace(conv, weights=frozen(weights), groups=1, dilation=(1, 1))
            network = replaced(network, new)
    return network


def full_channels(conv: Conv) -> FloatArray:
    """Weights [out, in, ky, kx] that no longer need groups."""
    out, per_group, ky, kx = conv.weights.shape
    full = np.zeros((out, per_group * conv.groups, ky, kx))
    rows = out // conv.groups
    for g in range(conv.groups):
        here = slice(g * rows, (g + 1) * rows)
        full[here, g * per_group : (g + 1) * per_group] = conv.weights[here]
    return full


def _spread_taps(weights: FloatArray, dy: int, dx: int) -> FloatArray:
    out, channels, ky, kx = weights.shape
    full = np.zeros((out, channels, dy * (ky - 1) + 1, dx * (kx - 1) + 1))
    full[:, :, ::dy, ::dx] = weights
    return full
