"""How a layer's floats became integers: what a spec remembers of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Rule: TypeAlias = Literal["max-abs", "given", "threshold-aware", "calibrated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation:
    """The rule that chose a layer's integers, and what it gained.

    Attributes:
        rule: "max-abs", "given" (the node's own scale), "threshold-aware" or "calibrated".
        candidates: how many ways to choose them were compared; 1 where nothing was searched.
        before: error of rule "max-abs" by the measure of `rule`, None where that rule refuses it, and for "given".
        after: error of what was chosen.
        clipped: weights and biases beyond the range, which were set to its end.
        threshold_chosen: threshold_high is not the rounded product of threshold and scale.
        weights_chosen: weights were rounded up or down by their effect, and not to the nearest integer.
    """

    rule: Rule
    candidates: int = 1
    before: float | None
    after: float
    clipped: int = 0
    threshold_chosen: bool = False
    weights_chosen: bool = False
