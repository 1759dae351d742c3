"""Two convolutions in a row, without neurons between them, are one: kernels convolve, strides multiply.

Output i of the second sees outputs i * stride2 + a of the first, and each of these sees the input from there times
stride1 on. The second may pad only if the first would have made zeros out there: a 1x1 kernel without padding or bias.
Linear layers are convolutions by now, so this also takes a BatchNorm that was written as a layer of its own.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Conv, Network
from nirdynap.ir.units import MOST_ELEMENTS, FloatArray, Pair
from nirdynap.passes.rewrite import credited, replaced, with_edges


def fold_affine_maps(network: Network) -> Network:
    """The network without convolutions that feed only convolutions, where that is exact, and the same currents."""
    for second in network.nodes:
        if isinstance(second, Conv) and (first := _first(network, second)) and obstacle(first, second) is None:
            network = _without_orphan(_folded(network, first, second), first)
    return network


def obstacle(first: Conv, second: Conv) -> str | None:
    """Why `second` behind `first` is no single convolution; None if it is one."""
    pointwise = first.weights.shape[2:] == (1, 1) and first.padding == (0, 0)
    biased = first.bias is not None and bool(first.bias.any())
    if second.padding != (0, 0) and (biased or not pointwise):
        return f"{second.name} pads with zeros where {first.name} would give something else"
    elements = second.weights.shape[0] * first.weights.shape[1] * int(np.prod(_kernel(first, second)))
    if elements > MOST_ELEMENTS:
        return f"one kernel for both would have {elements} elements"
    return None


def _first(network: Network, second: Conv) -> Conv | None:
    """The convolution that alone feeds `second`, all of it, if there is one."""
    into = network.edges_into(second.name)
    first = network.node(into[0].source) if len(into) == 1 else None
    return first if isinstance(first, Conv) and first.output_shape == second.input_shape else None


def _kernel(first: Conv, second: Conv) -> Pair:
    y, x = (first.weights.shape[a] + (second.weights.shape[a] - 1) * first.stride[a - 2] for a in (2, 3))
    return (y, x)


def _folded(network: Network, first: Conv, second: Conv) -> Network:
    (sy, sx), (ky, kx) = first.stride, first.weights.shape[2:]
    weights: FloatArray = np.zeros((second.weights.shape[0], first.weights.shape[1], *_kernel(first, second)))
    for a, b in np.ndindex(second.weights.shape[2:]):
        taps = np.einsum("om,mcyx->ocyx", second.weights[:, :, a, b], first.weights)
        weights[:, :, a * sy : a * sy + ky, b * sx : b * sx + kx] += taps
    both = dataclasses.replace(
        second,
        input_shape=first.input_shape,
        weights=frozen(weights),
        bias=_bias(first, second),
        stride=(sy * second.stride[0], sx * second.stride[1]),
        padding=(first.padding[0] + sy * second.padding[0], first.padding[1] + sx * second.padding[1]),
    )
    assert both.output_shape == second.output_shape, f"{first.name} and {second.name} do not fold"
    edges = [e for e in network.edges if e.target != second.name]
    edges += [dataclasses.replace(e, target=second.name) for e in network.edges_into(first.name)]
    return with_edges(replaced(network, credited(both, first.origin)), tuple(edges))


def _bias(first: Conv, second: Conv) -> FloatArray | None:
    if first.bias is None:
        return second.bias
    through = second.weights.sum(axis=(2, 3)) @ first.bias
    return frozen(through if second.bias is None else through + second.bias)


def _without_orphan(network: Network, conv: Conv) -> Network:
    """Without `conv` if it feeds nothing any more."""
    if network.edges_from(conv.name):
        return network
    nodes = tuple(n for n in network.nodes if n.name != conv.name)
    return with_edges(
        dataclasses.replace(network, nodes=nodes), tuple(e for e in network.edges if e.target != conv.name)
    )
