"""How far the spikes of integers are from those of floats, on the same recordings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from nirdynap.calibrate.float_events import Spikes
from nirdynap.ir.units import IntArray, Shape

WINDOWS = 32  # of a recording, each with as many external events


class Distance(NamedTuple):
    """Of a layer's integers from its floats, summed over neurons and recordings.

    Attributes:
        gap: |n_int - n_float|, n being the spikes of a neuron in one recording; spikes: n_float.
    """

    gap: int
    spikes: int

    @property
    def rate_error(self) -> float:
        """Spikes too many or too few, as a part of the float network's."""
        return self.gap / max(self.spikes, 1)


def in_windows(spikes: Spikes, shape: Shape, events: int) -> IntArray:
    """Counts int32 [window, neuron] of a layer of neurons (C, H, W) in a recording of so many external events."""
    size = math.prod(shape)
    at = window_of(spikes.event, events) * size + spikes.neuron
    return np.bincount(at, minlength=WINDOWS * size).reshape(WINDOWS, size).astype(np.int32)


def window_of(event: IntArray, events: int, windows: int = WINDOWS) -> IntArray:
    """The window of each external event of a recording of `events`."""
    window: IntArray = event * windows // max(events, 1)
    return window


def distance(found: Iterable[IntArray], wanted: Iterable[IntArray]) -> Distance:
    """Between counts [window, neuron] of each recording."""
    pairs = [(ours.sum(axis=0), theirs.sum(axis=0)) for ours, theirs in zip(found, wanted, strict=True)]
    gap = sum(int(np.abs(ours - theirs).sum()) for ours, theirs in pairs)
    return Distance(gap, sum(int(theirs.sum()) for _, theirs in pairs))


def gaps_by_channel(found: Iterable[IntArray], wanted: Iterable[IntArray], shape: Shape) -> IntArray:
    """What candidates for a layer of neurons (C, H, W) are compared by: int64 [recording, C], in spikes.

    The sum of rate error and spike-train mismatch: |n_int - n_float| over the neurons, and the same over neurons and
    windows, in which a spike counts that comes too early or too late.
    """

    def one(ours: IntArray, theirs: IntArray) -> IntArray:
        gap = (ours - theirs).astype(np.int64).reshape(WINDOWS, shape[0], -1)
        gaps: IntArray = np.abs(gap.sum(axis=0)).sum(axis=1) + np.abs(gap).sum(axis=(0, 2))
        return gaps

    return np.stack([one(ours, theirs) for ours, theirs in zip(found, wanted, strict=True)])


def rate_error(layers: Sequence[Distance]) -> float:
    """Of a network: spikes too many or too few in all layers, as a part of the float network's."""
    return sum(layer.gap for layer in layers) / max(sum(layer.spikes for layer in layers), 1)
