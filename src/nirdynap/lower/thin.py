"""Neurons that nobody reads are left out, on request: where 1x1 kernels pick every second, fourth or eighth one.

Such a layer does the picking itself, with a larger stride: its map gets smaller, which is how a map of 128x128 comes to
fit. Neurons do not touch each other, so those that are left fire as they did.
"""

from __future__ import annotations

import dataclasses

from nirdynap.errors import NEURONS_THINNED, Diagnostic, node_place
from nirdynap.ir.layers import IntLayer
from nirdynap.ir.units import Pair, shape_text

_Layers = tuple[IntLayer, ...]


def thin(layers: _Layers, strides: tuple[int, ...]) -> tuple[_Layers, tuple[Diagnostic, ...]]:
    """The layers without neurons that nobody reads, and a note for each that lost some.

    Args:
        layers: in topological order.
        strides: that the chip allows.
    """
    whole = layers
    for t in reversed(range(len(layers))):  # strides move up through several 1x1 layers in a row
        target = layers[t]
        picks = target.weights.shape[2:] == (1, 1) and target.padding == (0, 0) and not target.input_shifts
        sources = [i for i, layer in enumerate(layers) if any(link.target == t for link in layer.links)]
        if picks and target.stride != (1, 1) and all(_picked(layers[i], t, target, strides) for i in sources):
            changed = {i: _strided(layers[i], target.stride, target.neuron_shape[1:]) for i in sources}
            shape = (target.input_shape[0], *target.neuron_shape[1:])
            changed[t] = dataclasses.replace(target, stride=(1, 1), input_shape=shape)
            layers = tuple(changed.get(i, layer) for i, layer in enumerate(layers))
    notes = tuple(
        NEURONS_THINNED.at(
            node_place(a.name), value=shape_text(b.neuron_shape[1:]), limit=shape_text(a.neuron_shape[1:])
        )
        for a, b in zip(whole, layers, strict=True)
        if a.neuron_shape != b.neuron_shape
    )
    return layers, notes


def _picked(layer: IntLayer, t: int, target: IntLayer, strides: tuple[int, ...]) -> bool:
    """Is layer `t` the only one that reads this one, as it is, and is there a stride for what it picks?"""
    alone = not layer.readouts and all(link.target == t and link.pooling == (1, 1) for link in layer.links)
    alone = alone and layer.decimator == 1  # it counts the spikes of all neurons
    legal = all(a * b in strides for a, b in zip(layer.stride, target.stride, strict=True))
    return alone and legal and layer.neuron_shape[1:] == target.input_shape[1:]


def _strided(layer: IntLayer, by: Pair, size: Pair) -> IntLayer:
    stride = (layer.stride[0] * by[0], layer.stride[1] * by[1])
    return dataclasses.replace(layer, stride=stride, neuron_shape=(layer.neuron_shape[0], *size))
