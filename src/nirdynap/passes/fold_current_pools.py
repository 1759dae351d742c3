"""A sum pool right behind a convolution is a convolution: its taps, summed over the window, with a longer stride."""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Conv, Network, Pool
from nirdynap.ir.units import FloatArray, Pair
from nirdynap.passes.rewrite import bypassed, credited, replaced


def fold_current_pools(network: Network) -> Network:
    """The network without sum pools between a convolution and its neurons, and the same currents.

    A pool that has other sources, or a convolution that feeds something besides the pool, stays as it is.
    """
    for pool in network.nodes:
        into = network.edges_into(pool.name)
        if not isinstance(pool, Pool) or pool.kind != "sum" or len(into) != 1:
            continue
        conv = network.node(into[0].source)
        if isinstance(conv, Conv) and len(network.edges_from(conv.name)) == 1:
            pooled = credited(_pooled(conv, pool.size), pool.origin)
            assert pooled.output_shape == pool.output_shape, f"{conv.name} and {pool.name} do not fold"
            network = bypassed(replaced(network, pooled), pool.name)
    return network


def _pooled(conv: Conv, size: Pair) -> Conv:
    """The pool takes its windows of outputs; output i of a window sees the input moved by i strides."""
    out, channels, ky, kx = conv.weights.shape
    (py, px), (sy, sx) = size, conv.stride
    weights: FloatArray = np.zeros((out, channels, ky + (py - 1) * sy, kx + (px - 1) * sx))
    for i, j in np.ndindex(py, px):
        weights[:, :, i * sy : i * sy + ky, j * sx : j * sx + kx] += conv.weights
    bias = None if conv.bias is None else frozen(conv.bias * (py * px))
    return dataclasses.replace(conv, weights=frozen(weights), bias=bias, stride=(sy * py, sx * px))
