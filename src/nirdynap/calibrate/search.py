"""The integers of one layer: candidates, each run on what the layer gets from the integer layers before it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nirdynap.calibrate.float_events import Arrivals, Spikes, run_layer
from nirdynap.calibrate.rounding import Inputs, rounded
from nirdynap.calibrate.scoring import distance, in_windows
from nirdynap.errors import CompileError
from nirdynap.ir.layers import IntLayer, Layer
from nirdynap.ir.units import INT16_MAX, IntArray
from nirdynap.lower.integers import Choice, int_layer
from nirdynap.sim.batch import each_sample
from nirdynap.sim.protocol import Progress

# Of the scale of rule "max-abs": larger ones clip the largest weights, and round all others more finely.
_FACTORS = (0.9, 1.0, 1.05, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.3, 2.6)
_STEPS = (-4, -2, -1, 1, 2, 4)  # from the best threshold so far
_WINDOWS = (4, 32)  # what rounding looks at: short windows where recordings are long, long ones where they are short
CANDIDATES = 2 + (1 + len(_WINDOWS)) * (len(_FACTORS) + len(_STEPS))  # at most, for each layer


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
    """A candidate, its integers, what they emit in each recording, and the score of that."""

    choice: Choice
    integers: IntLayer
    spikes: tuple[Spikes, ...]
    score: float


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


class Found(NamedTuple):
    """The best candidate of a layer, how many were tried, and how many were left out."""

    best: Tried
    tried: int
    left: int


def search(
    task: Task, first: Sequence[Choice], gathered: Callable[[int], Inputs] | None, budget: Budget, before: int
) -> Found | None:
    """The best of some choices and of what lies around them; None if none of these choices gives integers.

    Args:
        task: the layer. Where its node gives the scale, there is nothing to search.
        first: choices that are tried in any case; the scale of the first one is what factors are of.
        gathered: makes what rounding looks at, from a number of windows; None to round to nearest only.
        budget: when it is spent, what has been tried decides; before: candidates of the layers before.
    """
    begun = [one for one in (_try(task, choice) for choice in first) if one is not None]
    if not begun:
        return None
    best, tried = min(begun, key=lambda one: one.score), len(first)
    if task.layer.scale is not None:
        return Found(best, tried, 0)
    inputs = () if gathered is None or budget.spent else tuple(map(gathered, _WINDOWS))
    for around in (_coarse, _fine):
        for choice in around(task.layer, first[0].scale, best.choice, inputs):
            if budget.spent:
                return Found(best, tried, CANDIDATES - tried)
            new, tried = _try(task, choice), tried + 1
            best = new if new is not None and new.score < best.score else best
            budget.tell(before + tried)
    return Found(best, tried, 0)


def _coarse(layer: Layer, scale: float, best: Choice, inputs: Sequence[Inputs]) -> Iterator[Choice]:
    """Scales that make the threshold a whole number."""
    thresholds = sorted({_whole(layer.threshold * scale * factor) for factor in _FACTORS})
    for high in thresholds:
        yield candidate(high / layer.threshold, high)
    yield from _rounded(layer, thresholds, inputs)


def _fine(layer: Layer, scale: float, best: Choice, inputs: Sequence[Inputs]) -> Iterator[Choice]:
    """Thresholds near the best: with its scale, and with weights rounded anew."""
    now = best.threshold_high or _whole(layer.threshold * best.scale)
    thresholds = sorted({_whole(now + step) for step in _STEPS} - {now})
    for high in thresholds:
        yield candidate(best.scale, high, best.weights)
    yield from _rounded(layer, thresholds, inputs)


def _rounded(layer: Layer, thresholds: Sequence[int], inputs: Sequence[Inputs]) -> Iterator[Choice]:
    for some in inputs:
        for high, weights in zip(thresholds, rounded(layer, thresholds, some), strict=True):
            yield candidate(high / layer.threshold, high, weights)


def _whole(threshold: float) -> int:
    return min(max(round(threshold), 1), INT16_MAX)


def _try(task: Task, choice: Choice) -> Tried | None:
    """None where the chip cannot hold the integers."""
    try:
        integers = int_layer(task.layer, choice, task.bias_bits, task.spikes_per_step, [])
    except CompileError:
        return None
    spikes = tuple(each_sample(lambda i: run_layer(integers, task.given[i]), len(task.given), None, None))
    found = (in_windows(s, integers.neuron_shape, n) for s, n in zip(spikes, task.events, strict=True))
    return Tried(choice, integers, spikes, distance(found, task.wanted).score)
