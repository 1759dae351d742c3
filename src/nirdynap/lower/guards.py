"""What can be wrong with a layer in integers that no limit of the chip forbids (docs/guards.md).

One small rule each, with its numbers; `GUARDS` is all of them. They look at the floats of a layer and the integers
made from them, and run nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from nirdynap.errors import (
    BELOW_LOWER_BOUND,
    BIAS_SETS_SCALE,
    BIASES_VANISH,
    DEAD_CHANNELS,
    SILENT_LAYER,
    THRESHOLD_OFF,
    THRESHOLD_SETS_SCALE,
    UNREAD_INPUTS,
    WEIGHTS_ABOVE_THRESHOLD,
    Diagnostic,
    node_place,
)
from nirdynap.ir.layers import IntLayer, Layer
from nirdynap.ir.units import THRESHOLD_LOW_MAX, WEIGHT_MAX, IntArray
from nirdynap.lower.discretize import STATE_BITS, WEIGHT_BITS, discretize_scalar, scale_for_bits
from nirdynap.lower.trim import never_fires

Guard = Callable[[Layer, IntLayer], Iterator[Diagnostic]]

# A firing rate is off by as much as the threshold, which half a unit of rounding explains below 50 only.
_THRESHOLD_OFF = 0.01


def guards(layer: Layer, integers: IntLayer) -> Iterator[Diagnostic]:
    """ND420 to ND428 of one layer, in floats and in integers."""
    for guard in GUARDS:
        yield from guard(layer, integers)


def _weights_above_threshold(layer: Layer, integers: IntLayer) -> Iterator[Diagnostic]:
    """A weight equal to the threshold loses nothing: one event, one spike."""
    high = integers.threshold_high
    above = int((integers.weights > high).sum())
    if above:
        ratio = f"{integers.weights.max() / high:.3g}"
        yield WEIGHTS_ABOVE_THRESHOLD.at(_place(layer), value=above, limit=_nonzero(integers), ratio=ratio)


def _threshold_sets_scale(layer: Layer, integers: IntLayer) -> Iterator[Diagnostic]:
    """No scale gives the weights all of their bits: the threshold would leave its own."""
    scale = scale_for_bits(layer.threshold, STATE_BITS)
    lost = _bits_lost(layer, scale)
    if lost >= 1 and layer.scale is None:
        ratio = f"{layer.threshold / float(np.abs(layer.weights).max()):.0f}"
        value = discretize_scalar(float(np.abs(layer.weights).max()), scale)
        yield THRESHOLD_SETS_SCALE.at(_place(layer), value=value, limit=WEIGHT_MAX, ratio=ratio, bits=f"{lost:.1f}")


def _bias_sets_scale(layer: Layer, integers: IntLayer) -> Iterator[Diagnostic]:
    """Only where biases share the 8 bits of the weights is the scale exactly theirs."""
    if layer.bias is None or layer.scale is not None:
        return
    scale = scale_for_bits(layer.bias, WEIGHT_BITS)
    lost = _bits_lost(layer, scale)
    if lost >= 1 and integers.scale == scale:
        ratio = f"{float(np.abs(layer.bias).max()) / float(np.abs(layer.weights).max()):.3g}"
        value = discretize_scalar(float(np.abs(layer.weights).max()), scale)
        yield BIAS_SETS_SCALE.at(_place(layer), value=value, limit=WEIGHT_MAX, ratio=ratio, bits=f"{lost:.1f}")


def _bits_lost(layer: Layer, scale: float) -> float:
    """Of the 8 bits of the weights, how many a scale leaves unused; infinity where all weights are 0."""
    return math.log2(scale_for_bits(layer.weights, WEIGHT_BITS)) - math.log2(scale)


def _biases_vanish(layer: Layer, integers: IntLayer) -> Iterator[Diagnostic]:
    if layer.bias is None:
        return
    rounded = np.zeros(len(layer.bias)) if integers.bias is None else integers.bias
    lost = np.abs(layer.bias[(layer.bias != 0) & (rounded == 0)])
    if len(lost):
        steps = f"{layer.threshold / float(lost.max()):.0f}"
        yield BIASES_VANISH.at(_place(layer), value=len(lost), limit=int(np.count_nonzero(layer.bias)), steps=steps)


def _dead_channels(layer: Layer, integers: IntLayer) -> Iterator[Diagnostic]:
    channels = len(integers.weights)
    dead = [channel for channel in range(channels) if never_fires(integers, channel)]
    how = _by_rounding(sum(_could_fire(layer, channel) for channel in dead))
    if len(dead) == channels:
        yield SILENT_LAYER.at(_place(layer), value=channels, how=how)
    elif dead:
        yield DEAD_CHANNELS.at(_place(layer), value=len(dead), limit=channels, how=how)


def _could_fire(layer: Layer, channel: int) -> bool:
    return bool((layer.weights[channel] > 0).any() or (layer.bias is not None and layer.bias[channel] > 0))


def _unread_inputs(layer: Layer, integers: IntLayer) -> Iterator[Diagnostic]:
    unread: IntArray = np.logical_not(integers.weights.any(axis=(0, 2, 3)))
    if unread.any():
        how = _by_rounding(int((unread & layer.weights.any(axis=(0, 2, 3))).sum()))
        yield UNREAD_INPUTS.at(_place(layer), value=int(unread.sum()), limit=len(unread), how=how)


def _by_rounding(channels: int) -> str:
    return f" ({channels} by rounding)" if channels else ""


def _threshold_off(layer: Layer, integers: IntLayer) -> Iterator[Diagnostic]:
    """Of a threshold that was rounded; one that a search has chosen is off on purpose."""
    if integers.quantisation is not None and integers.quantisation.threshold_chosen:
        return
    exact = layer.threshold * integers.scale
    high = discretize_scalar(layer.threshold, integers.scale)
    off = high / exact - 1
    if abs(off) > _THRESHOLD_OFF:
        yield THRESHOLD_OFF.at(_place(layer), value=high, limit=f"{exact:.4g}", percent=f"{100 * off:+.1f}")


def _below_lower_bound(layer: Layer, integers: IntLayer) -> Iterator[Diagnostic]:
    """A bound at 0 keeps nothing below it, on purpose."""
    low = integers.threshold_low
    below = int((integers.weights < low).sum())
    if below and low < THRESHOLD_LOW_MAX:
        ratio = f"{integers.weights.min() / low:.3g}"
        yield BELOW_LOWER_BOUND.at(_place(layer), value=below, limit=_nonzero(integers), low=low, ratio=ratio)


def _nonzero(integers: IntLayer) -> int:
    return int(np.count_nonzero(integers.weights))


def _place(layer: Layer) -> str:
    return node_place(layer.name)


GUARDS: tuple[Guard, ...] = (
    _weights_above_threshold,
    _threshold_sets_scale,
    _bias_sets_scale,
    _biases_vanish,
    _dead_channels,
    _unread_inputs,
    _threshold_off,
    _below_lower_bound,
)
