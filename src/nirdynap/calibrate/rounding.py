"""Weights rounded up or down by what they do to the input of their neuron, instead of to the nearest integer.

What a neuron gets in a window of a recording is ``x . w``, x being the spikes that arrive at each of its weights. In
units of the threshold the integers should give the same: ``|X W / high - F w / theta|^2`` over the windows in which the
float neuron fires, X from the integer layers before, F from the float ones, is made small by moving single weights, the
most useful first, each by less than 1 from its product with the scale. (The objective is that of Nagel et al., "Up or
down? Adaptive rounding for post-training quantization", 2020, section 3; the descent is a plain greedy one.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nirdynap.calibrate.float_events import Arrivals
from nirdynap.calibrate.scoring import WINDOWS, window_of
from nirdynap.ir.layers import Layer
from nirdynap.ir.units import WEIGHT_MAX, WEIGHT_MIN, FloatArray, IntArray

_MOST = 1 << 26  # numbers in one array of inputs
_WORK = 2 * 10**11  # multiplications for all channels, some seconds; beyond either, only each nth row is looked at
_PRIOR = 0.01  # of the mean power of an input: weights that recordings say nothing of stay at the nearest integer


class Inputs(NamedTuple):
    """What neurons of a layer got, one row for a neuron's place in a window.

    Attributes:
        ours, theirs: float32 [row, in * ky * kx], spikes from the integer layers before, and from the float ones.
        fired: bool [row, out], did the float neuron fire.
    """

    ours: FloatArray
    theirs: FloatArray
    fired: IntArray


def gather(
    layer: Layer,
    ours: Sequence[Arrivals],
    theirs: Sequence[Arrivals],
    wanted: Sequence[IntArray],
    events: Sequence[int],
    windows: int,
) -> Inputs:
    """The inputs of a layer in all recordings; as many rows of each as there is room and time for.

    Args:
        layer: in floats.
        windows: in how many windows a recording is looked at, a divisor of `scoring.WINDOWS`.
        ours, theirs: what arrives from the integer layers and from the float layers before it.
        wanted: counts [window, neuron] of the float layer; events: number of external events.
    """
    work = math.prod(layer.weights.shape) * math.prod(layer.weights.shape[1:])  # for one row
    most = max(1, min(_MOST // math.prod(layer.weights.shape[1:]), _WORK // work) // len(events))
    recordings = zip(ours, theirs, wanted, events, strict=True)
    parts = [_rows(layer, *recording, windows, most) for recording in recordings]
    return Inputs(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def rounded(layer: Layer, thresholds: Sequence[int], inputs: Inputs) -> list[IntArray]:
    """The weights int8 [out, in, ky, kx] for each integer threshold, under the scale that makes it one."""
    scales = np.array(thresholds) / layer.threshold
    floats = layer.weights.reshape(len(layer.weights), -1)
    done = np.empty((len(scales), *floats.shape), dtype=np.int8)
    for channel, w in enumerate(floats):
        rows = inputs.fired[:, channel]
        x = inputs.ours[rows].astype(np.float64)
        power = x.T @ x
        prior = _PRIOR * max(np.trace(power) / len(w), 1.0)
        aim = x.T @ (inputs.theirs[rows].astype(np.float64) @ w) + prior * w
        power[np.diag_indices_from(power)] += prior
        done[:, channel] = _descend(power, scales[:, None] * aim, scales[:, None] * w)
    return [weights.reshape(layer.weights.shape) for weights in done]


def _descend(power: FloatArray, aim: FloatArray, products: FloatArray) -> FloatArray:
    """Integers [scale, k] near `products` that make ``W power W / 2 - aim W`` small, for all scales at once."""
    low = np.clip(np.floor(products), WEIGHT_MIN, WEIGHT_MAX)
    high = np.clip(np.ceil(products), WEIGHT_MIN, WEIGHT_MAX)
    integers = np.clip(np.rint(products), WEIGHT_MIN, WEIGHT_MAX)
    slope = integers @ power - aim
    half = np.diag(power) / 2
    each = np.arange(len(products))
    for _ in range(2 * products.shape[1]):
        up = np.where(integers < high, half + slope, np.inf)
        down = np.where(integers > low, half - slope, np.inf)
        best = np.minimum(up, down).argmin(axis=1)
        gain = np.minimum(up, down)[each, best]
        step = np.where(up[each, best] <= down[each, best], 1.0, -1.0) * (gain < -1e-9 * half[best])
        if not step.any():
            break
        integers[each, best] += step
        slope += step[:, None] * power[best]
    return integers


def _rows(
    layer: Layer, ours: Arrivals, theirs: Arrivals, wanted: IntArray, events: int, windows: int, most: int
) -> tuple[IntArray, ...]:
    """`Inputs` of one recording; only rows in which some channel fires, at most so many."""
    channels = len(layer.weights)
    counts = wanted.reshape(windows, WINDOWS // windows, channels, -1).sum(axis=1)
    fired = counts.transpose(0, 2, 1).reshape(-1, channels) > 0
    some = np.flatnonzero(fired.any(axis=1))
    some = some[:: max(1, -(-len(some) // most))]
    return (*(_patches(layer, given, events, windows)[some] for given in (ours, theirs)), fired[some])


def _patches(layer: Layer, given: Arrivals, events: int, windows: int) -> FloatArray:
    """float32 [window * oy * ox, in * ky * kx]: the spikes at the weights of the neurons at each place."""
    (py, px), (sy, sx) = layer.padding, layer.stride
    channels, height, width = layer.input_shape
    _, rows, columns = layer.neuron_shape
    size = (windows, channels, height + 2 * py, width + 2 * px)
    place = np.ravel_multi_index((window_of(given.event, events, windows), given.c, given.y + py, given.x + px), size)
    counts = np.bincount(place, minlength=math.prod(size)).astype(np.float32).reshape(size)
    kernel = layer.weights.shape[2:]
    views = np.lib.stride_tricks.sliding_window_view(counts, kernel, axis=(2, 3))[:, :, ::sy, ::sx]
    patches: FloatArray = views[:, :, :rows, :columns].transpose(0, 2, 3, 1, 4, 5).reshape(windows * rows * columns, -1)
    return patches
