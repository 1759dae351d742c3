"""Output channels that no one would miss are left out, on request: memory for nothing.

Two sorts are dead: channels whose spikes meet no weight other than zero, and channels that never fire, since neither
weights nor bias are above zero. What is read at an output stays, and so does what a decimator counts. It is done in
integers, so that the scale of a layer is that of the whole layer, and every spike that is left is where it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from nirdynap.errors import CHANNELS_TRIMMED, Diagnostic, node_place
from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import IntLayer, Link

_Layers = tuple[IntLayer, ...]


def trim(layers: _Layers, input_channels: int) -> tuple[_Layers, tuple[Diagnostic, ...]]:
    """The layers without dead channels, and a note for each layer that lost some.

    Args:
        layers: in topological order.
        input_channels: of the network's input.
    """
    before = [layer.neuron_shape[0] for layer in layers]
    kept = [list(range(channels)) for channels in before]
    while (dead := next(_dead(layers, input_channels), None)) is not None:
        i, channel = dead
        layers = _without(layers, i, channel)
        del kept[i][channel]
    notes = []
    for layer, left, channels in zip(layers, kept, before, strict=True):
        if lost := sorted(set(range(channels)) - set(left)):
            notes.append(
                CHANNELS_TRIMMED.at(node_place(layer.name), value=len(lost), channels=", ".join(map(str, lost)))
            )
    return layers, tuple(notes)


def _dead(layers: _Layers, input_channels: int) -> Iterator[tuple[int, int]]:
    """(layer, channel) of those that can be left out."""
    for i, layer in enumerate(layers):
        if layer.readouts or layer.neuron_shape[0] == 1:
            continue
        for channel in range(layer.neuron_shape[0]):
            unheard = layer.decimator == 1 and not any(
                layers[link.target].weights[:, channel + link.feature_shift].any() for link in layer.links
            )
            if (unheard or never_fires(layer, channel)) and _alone(layers, i, channel, input_channels):
                yield i, channel


def never_fires(layer: IntLayer, channel: int) -> bool:
    """Its membranes start at 0 and never rise."""
    return bool(layer.weights[channel].max() <= 0 and (layer.bias is None or layer.bias[channel] <= 0))


def _alone(layers: _Layers, i: int, channel: int, input_channels: int) -> bool:
    """Does nobody else send to where the channel arrives, and is that never all that arrives?"""
    for link in layers[i].links:
        at = channel + link.feature_shift
        target = layers[link.target]
        if target.input_shape[0] == 1 or any(s <= at < s + input_channels for s in target.input_shifts):
            return False
        into = [(source, one) for source in layers for one in source.links if one.target == link.target]
        if sum(one.feature_shift <= at < one.feature_shift + source.neuron_shape[0] for source, one in into) > 1:
            return False
    return True


def _without(layers: _Layers, i: int, channel: int) -> _Layers:
    """Layer `i` without a channel, its targets without what the channel fed, and all sources of these moved up."""
    gone: dict[int, list[int]] = {}
    for link in layers[i].links:
        gone.setdefault(link.target, []).append(channel + link.feature_shift)
    trimmed = []
    for k, layer in enumerate(layers):
        if k == i:
            keep = np.arange(layer.neuron_shape[0]) != channel
            layer = dataclasses.replace(
                layer,
                neuron_shape=(int(keep.sum()), *layer.neuron_shape[1:]),
                weights=frozen(layer.weights[keep], layer.weights.dtype),
                bias=None if layer.bias is None else frozen(layer.bias[keep], layer.bias.dtype),
            )
        if k in gone:
            weights = np.delete(layer.weights, gone[k], axis=1)
            layer = dataclasses.replace(
                layer,
                input_shape=(weights.shape[1], *layer.input_shape[1:]),
                weights=frozen(weights, weights.dtype),
                input_shifts=tuple(_moved(shift, gone[k]) for shift in layer.input_shifts),
            )
        links = tuple(_relinked(link, gone.get(link.target, [])) for link in layer.links)
        trimmed.append(dataclasses.replace(layer, links=links))
    return tuple(trimmed)


def _relinked(link: Link, gone: list[int]) -> Link:
    return dataclasses.replace(link, feature_shift=_moved(link.feature_shift, gone))


def _moved(shift: int, gone: list[int]) -> int:
    return shift - sum(at < shift for at in gone)
