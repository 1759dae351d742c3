"""One neuron, one update after the other, in plain numbers: docs/semantics.md for a single membrane.

The locator asks it what would have happened under another rule. It is no simulator: nothing here decides what a
network computes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nirdynap.ir.units import INT16_MAX, INT16_MIN
from nirdynap.verify.pushes import Push

_ALIKE = 1e-9  # thresholds; float64 sums of a run err by some 1e-13, one step of an integer is 3e-5 or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a neuron does with its inputs.

    Attributes:
        threshold: it fires from here on; above it where `waits`.
        low: lower bound of the membrane, None for none.
        zero: reset to zero instead of subtracting the threshold.
        bias: added once per time step, or per tick of the clock.
        clock_us: period of the bias clock of an event run, 0 for none.
        saturate: sums are held in 16 bits.
        many: an update can cause several spikes.
        waits: a membrane of exactly the threshold does not fire.
        single: each spike is an update of its own (event run), instead of the sum of a time step.
        clamp_first: the lower bound comes before the bias. No run here does so; a foreign one may.
        decay: factor of the membrane per step.
    """

    threshold: float
    low: float | None
    zero: bool
    bias: float
    clock_us: int
    saturate: bool
    many: bool
    waits: bool
    single: bool
    clamp_first: bool = False
    decay: float = 1.0

    def times(self, scale: float) -> Rule:
        """The same rule for membranes and weights that are `scale` times as large."""
        low = None if self.low is None else self.low * scale
        return dataclasses.replace(self, threshold=self.threshold * scale, low=low, bias=self.bias * scale)


class State(NamedTuple):
    """A neuron behind an update: its membrane, and how many spikes the update caused."""

    membrane: float
    spikes: int


def replay(rule: Rule, membrane: float, pushes: Sequence[Push], start_us: int, end_us: int) -> State:
    """What `rule` makes of some spikes, and of the ticks of its clock after `start_us` and up to `end_us`."""
    if not rule.single:
        v = rule.decay * membrane + sum(p.n * p.weight for p in pushes)
        return _decided(rule, (_bounded(rule, v) if rule.clamp_first else v) + rule.bias)
    spikes, ticked = 0, start_us
    for push in pushes:
        membrane, ticked = _ticked(rule, membrane, ticked, push.t_us - 1), max(ticked, push.t_us - 1)
        for _ in range(push.n):
            membrane, n = _decided(rule, membrane + push.weight)
            spikes += n
    return State(_ticked(rule, membrane, ticked, end_us), spikes)


def _ticked(rule: Rule, v: float, start_us: int, end_us: int) -> float:
    """The membrane behind the ticks after `start_us` and up to `end_us`."""
    for _ in range(end_us // rule.clock_us - start_us // rule.clock_us if rule.clock_us else 0):
        v = _bounded(rule, _held(rule, v + rule.bias))
    return v


def _decided(rule: Rule, v: float) -> State:
    v = _held(rule, v)
    quotient = v / rule.threshold
    if abs(quotient - round(quotient)) < _ALIKE:
        quotient = round(quotient)  # a tie, whatever the numbers were multiplied by
    n = max(0, math.ceil(quotient) - 1 if rule.waits else math.floor(quotient))
    n = n if rule.many else min(n, 1)
    if n > 0:
        v = 0.0 if rule.zero else v - n * rule.threshold
    return State(_bounded(rule, v), n)


def _held(rule: Rule, v: float) -> float:
    return min(max(v, INT16_MIN), INT16_MAX) if rule.saturate else v


def _bounded(rule: Rule, v: float) -> float:
    return v if rule.low is None else max(v, rule.low)
