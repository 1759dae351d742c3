"""The integers of one layer: which candidates are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from nirdynap.calibrate.refine import FLIPS, refined
from nirdynap.calibrate.rounding import Inputs, rounded
from nirdynap.calibrate.trial import Budget, Task, Tried, attempt, candidate
from nirdynap.ir.layers import Layer
from nirdynap.ir.units import INT16_MAX
from nirdynap.lower.integers import Choice

# Of the scale of rule "max-abs": larger ones clip the largest weights, and round all others more finely.
_FACTORS = (0.9, 1.0, 1.05, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.3, 2.6)
_STEPS = (-4, -2, -1, 1, 2, 4)  # from the best threshold so far
_WINDOWS = (4, 32)  # what rounding looks at: short windows where recordings are long, long ones where they are short
CANDIDATES = 2 + (1 + len(_WINDOWS)) * (len(_FACTORS) + len(_STEPS)) + FLIPS  # at most, for each layer


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
    begun = [one for one in (attempt(task, choice) for choice in first) if one is not None]
    if not begun:
        return None
    best, tried = min(begun, key=lambda one: one.gap), len(first)
    if task.layer.scale is not None:
        return Found(best, tried, 0)
    inputs = () if gathered is None or budget.spent else tuple(map(gathered, _WINDOWS))
    for around in (_coarse, _fine):
        for choice in around(task.layer, first[0].scale, best.choice, inputs):
            if budget.spent:
                return Found(best, tried, CANDIDATES - tried)
            new, tried = attempt(task, choice), tried + 1
            best = new if new is not None and new.gap < best.gap else best
            budget.tell(before + tried)
    if gathered is None:
        return Found(best, tried, 0)
    best, flips, left = refined(task, best, budget, before + tried)
    return Found(best, tried + flips, left)


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
