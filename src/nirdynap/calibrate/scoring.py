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
    """Sums over the neurons of a layer and all recordings, in spikes.

    Attributes:
        counts: of |n_int - n_float|, n being the spikes of a neuron in one recording.
        trains: the same of a neuron in one window of a recording: what comes too early or too late counts as well.
        spikes: of n_float.
    """

    counts: int
    trains: int
    spikes: int

    @property
    def rate_error(self) -> float:
        """Spikes too many or too few, as a part of the float network's."""
        return self.counts / max(self.spikes, 1)

    @property
    def score(self) -> float:
        """The mean of rate error and spike-train mismatch: what candidates for a layer are compared by."""
        return (self.counts + self.trains) / (2 * max(self.spikes, 1))


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
    counts = trains = spikes = 0
    for ours, theirs in zip(found, wanted, strict=True):
        gap = ours - theirs
        counts += int(np.abs(gap.sum(axis=0)).sum())
        trains += int(np.abs(gap).sum())
        spikes += int(theirs.sum())
    return Distance(counts, trains, spikes)


def rate_error(layers: Sequence[Distance]) -> float:
    """Of a network: spikes too many or too few in all layers, as a part of the float network's."""
    return sum(layer.counts for layer in layers) / max(sum(layer.spikes for layer in layers), 1)
