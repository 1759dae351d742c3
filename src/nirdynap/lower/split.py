"""Carrying out a plan: layers in parts, copies and relays, wired so that no spike changes (docs/semantics.md, §5, §6).

The integers of a part are those of the whole layer: it is cut after `discretize`. Lower channels stand in the lower
slot, so that in depth order with emission "channel" every core sees its events in the order of the unsplit network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import IntLayer, Link, Readout
from nirdynap.ir.units import INT16_MIN, IntArray
from nirdynap.lower.arrange import Copy, Plan, destinations_of, relays_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one core will hold.

    Attributes:
        layer: the part itself, or the relay behind it; links name pieces by number.
        source: number of the layer that it is cut from; part: which part of it, lower channels first.
        is_copy, is_relay: what else it may be.
    """

    layer: IntLayer
    source: int
    part: int
    is_copy: bool
    is_relay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The pieces in topological order, the names of the layers that they are cut from, and the ways in from outside.

    A way in is (piece, feature shift); an external event takes them in this order.
    """

    pieces: tuple[Piece, ...]
    names: tuple[str, ...]
    inputs: tuple[tuple[int, int], ...]


def cut(layers: tuple[IntLayer, ...], plan: Plan, slots: int) -> Cut:
    """The pieces of a plan.

    Args:
        layers: in integers, in topological order.
        plan: of these layers.
        slots: destinations that a core can have.
    """
    places = _places(layers, plan, slots)
    pieces: list[Piece] = []
    inputs: list[tuple[int, int]] = []
    for i, layer in enumerate(layers):
        for c, copy in enumerate(plan[i]):
            for p, at in enumerate(places[i][c]):
                assert at == len(pieces)
                part = _part(layer, copy, p, tuple(_links(layers, i, copy, places)), is_copy=c > 0)
                chain = _with_relays(part, at, slots)
                pieces += [
                    Piece(layer=one, source=i, part=p, is_copy=c > 0, is_relay=r > 0) for r, one in enumerate(chain)
                ]
            inputs += [(at, shift) for shift in layer.input_shifts for at in places[i][c]]
    return Cut(pieces=tuple(pieces), names=tuple(layer.name for layer in layers), inputs=tuple(inputs))


_Places = tuple[tuple[tuple[int, ...], ...], ...]
"""Number of the piece that is each part of each copy of each layer."""


def _places(layers: tuple[IntLayer, ...], plan: Plan, slots: int) -> _Places:
    used = 0
    places: list[tuple[tuple[int, ...], ...]] = []
    for layer, copies in zip(layers, plan, strict=True):
        numbers = []
        for copy in copies:
            stride = 1 + relays_of(destinations_of(layer, copy, plan), slots)
            numbers.append(tuple(range(used, used + stride * len(copy.channels), stride)))
            used += stride * len(copy.channels)
        places.append(tuple(numbers))
    return tuple(places)


def _links(layers: tuple[IntLayer, ...], i: int, copy: Copy, places: _Places) -> Iterator[Link]:
    """Each link of a copy, once for each part that it ends at, lower channels first."""
    for k in copy.links:
        link = layers[i].links[k]
        for parts in places[link.target]:
            for at in parts:
                yield dataclasses.replace(link, target=at)


def _part(layer: IntLayer, copy: Copy, p: int, links: tuple[Link, ...], *, is_copy: bool) -> IntLayer:
    """Some output channels of a layer, which arrive where they would have."""
    if not is_copy and len(copy.channels) == 1:
        return dataclasses.replace(layer, links=links)
    end = list(accumulate(copy.channels))[p]
    first = end - copy.channels[p]
    return dataclasses.replace(
        layer,
        name=f"{layer.name} (copy)" if is_copy else layer.name,
        origin=() if is_copy else layer.origin,
        neuron_shape=(end - first, *layer.neuron_shape[1:]),
        weights=_slice(layer.weights, first, end),
        bias=None if layer.bias is None else _slice(layer.bias, first, end),
        links=tuple(dataclasses.replace(link, feature_shift=link.feature_shift + first) for link in links),
        readouts=() if is_copy else tuple(_shifted(readout, first) for readout in layer.readouts),
        first_channel=first,
    )


def _slice(array: IntArray, first: int, end: int) -> IntArray:
    return frozen(array[first:end], array.dtype)


def _shifted(readout: Readout, first: int) -> Readout:
    return dataclasses.replace(readout, feature_shift=readout.feature_shift + first)


def _with_relays(part: IntLayer, at: int, slots: int) -> list[IntLayer]:
    """The part, which is piece number `at`, and behind it the relays that reach the links it has no slots for."""
    if len(part.links) <= slots:
        return [part]
    onward = Link(target=at + 1, pooling=(1, 1), feature_shift=0)
    direct = dataclasses.replace(part, links=(*part.links[: slots - 1], onward))
    return [direct, *_with_relays(_relay(part, part.links[slots - 1 :]), at + 1, slots)]


def _relay(part: IntLayer, links: tuple[Link, ...]) -> IntLayer:
    """A core that passes each spike on: 1 x 1 kernels of weight 1, threshold 1."""
    channels = part.neuron_shape[0]
    name = part.name if part.name.endswith(" (relay)") else f"{part.name} (relay)"
    return IntLayer(
        name=name,
        origin=(),
        input_shape=part.neuron_shape,
        neuron_shape=part.neuron_shape,
        weights=frozen(np.eye(channels)[:, :, None, None], np.int8),
        bias=None,
        stride=(1, 1),
        padding=(0, 0),
        threshold_high=1,
        threshold_low=INT16_MIN,
        return_to_zero=False,
        scale=1.0,
        quantisation=None,
        links=links,
        readouts=(),
        input_shifts=(),
        first_channel=part.first_channel,
    )
