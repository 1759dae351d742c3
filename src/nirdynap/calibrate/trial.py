"""One candidate for the integers of a layer, run on what the layer gets from the integer layers before it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from nirdynap.calibrate.float_events import Arrivals, Spikes, run_layer
from nirdynap.calibrate.scoring import gaps_by_channel, in_windows
from nirdynap.errors import CompileError
from nirdynap.ir.layers import IntLayer, Layer
from nirdynap.ir.units import IntArray
from nirdynap.lower.integers import Choice, int_layer
from nirdynap.sim.batch import each_sample
from nirdynap.sim.protocol import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Seconds that may be spent, and who is told of the progress: `total` candidates in all."""

    seconds: float
    total: int
    progress: Progress | None
    start: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> bool:
        """Is it time to stop?"""
        return time.monotonic() - self.start > self.seconds

    def tell(self, done: int) -> None:
        """So many candidates are done."""
        if self.progress is not None:
            self.progress(min(done, self.total), self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One layer and its recordings.

    Attributes:
        layer: in floats; bias_bits, spikes_per_step: as in `nirdynap.lower.integers.int_layer`.
        given: what arrives from the integer layers before it, in each recording.
        wanted: counts [window, neuron] of the float layer; events: number of external events of each recording.
    """

    layer: Layer
    bias_bits: int
    spikes_per_step: str
    given: tuple[Arrivals, ...]
    wanted: tuple[IntArray, ...]
    events: tuple[int, ...]


class Tried(NamedTuple):
    """A candidate, its integers, what they emit in each recording, and how far that is from the floats.

    `gaps`: int64 [recording, out], see `nirdynap.calibrate.scoring.gaps_by_channel`.
    """

    choice: Choice
    integers: IntLayer
    spikes: tuple[Spikes, ...]
    gaps: IntArray

    @property
    def gap(self) -> int:
        """Of all recordings and channels: what candidates are compared by."""
        return int(self.gaps.sum())


def candidate(scale: float, threshold_high: int | None = None, weights: IntArray | None = None) -> Choice:
    """A choice that nothing is recorded of yet."""
    return Choice(
        rule="calibrated",
        candidates=1,
        before=None,
        after=0.0,
        scale=scale,
        threshold_high=threshold_high,
        weights=weights,
    )


def attempt(task: Task, choice: Choice) -> Tried | None:
    """None where the chip cannot hold the integers."""
    try:
        integers = int_layer(task.layer, choice, task.bias_bits, task.spikes_per_step, [])
    except CompileError:
        return None
    spikes = tuple(each_sample(lambda i: run_layer(integers, task.given[i]), len(task.given), None, None))
    found = (in_windows(s, integers.neuron_shape, n) for s, n in zip(spikes, task.events, strict=True))
    return Tried(choice, integers, spikes, gaps_by_channel(found, task.wanted, integers.neuron_shape))
