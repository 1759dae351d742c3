"""Rule "threshold-aware": the integers of which the fewest spikes too many or too few are expected. No data needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nirdynap.errors import CompileError
from nirdynap.ir.layers import Layer
from nirdynap.ir.units import INT16_MAX, INT16_MIN, WEIGHT_MAX, WEIGHT_MIN, FloatArray, IntArray
from nirdynap.lower.balance import balanced
from nirdynap.lower.discretize import IntParameters, discretize_conv_if, discretize_tensor
from nirdynap.lower.expected_spikes import ExpectedSpikes, expected_spikes
from nirdynap.lower.integers import Choice, parameter_error

_ALL = 64  # thresholds up to this are all tried, so that floats that are multiples of a unit are found exactly
_SOME = 80  # of those beyond, from a quarter to 16 times the scale of rule "max-abs"
_LOWEST, _HIGHEST = 1 / 4, 16
_DIGITS = 12  # of a distance; what lies behind is how a machine adds up
_FINALISTS = 4  # of the best, weights are also rounded so that they balance
_HEADROOM = INT16_MAX // 2  # a larger threshold leaves a membrane of 16 bits little room above it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """Integers, the spikes they are expected to be off by, and how far they are from the floats."""

    scale: float
    threshold_high: int
    weights: IntArray
    bias: IntArray | None
    nearest: bool
    spikes: float
    distance: float

    def rank(self) -> tuple[float, float]:
        return self.spikes, round(self.distance, _DIGITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """Candidates that are farther than `limit` from the floats are none."""

    layer: Layer
    expected: ExpectedSpikes
    limit: float

    def judged(
        self, scale: float, threshold_high: int, weights: IntArray, bias: IntArray | None, *, nearest: bool = False
    ) -> Iterator[_Candidate]:
        distance = parameter_error(self.layer, weights, threshold_high, bias)
        if distance <= self.limit:
            yield _Candidate(
                scale=scale,
                threshold_high=threshold_high,
                weights=weights,
                bias=bias,
                nearest=nearest,
                spikes=self.expected.error(weights, threshold_high, bias),
                distance=distance,
            )


def threshold_aware(layers: tuple[Layer, ...], bias_bits: int) -> tuple[Choice | None, ...]:
    """A choice for each layer; None where its node gives the scale, and where no candidate is any good.

    Whatever is chosen is not farther from the floats than rule "max-abs" with these `bias_bits`, and not expected to
    miss more spikes: what is farther is left out, and of equals the first is taken, which is that rule.
    """
    return tuple(None if layer.scale is not None else _best(layer, bias_bits) for layer in layers)


def _best(layer: Layer, bias_bits: int) -> Choice | None:
    rules = {bits: _integers(layer, bias_bits=bits) for bits in (bias_bits, 16)}
    plain, wide = rules[bias_bits], rules[16]
    around = wide or plain or _integers(layer, bias_bits=16, scale=_rescuing(layer))
    if around is None or not layer.weights.any():
        return None
    limit = np.inf if plain is None else parameter_error(layer, plain.weights, plain.threshold_high, plain.bias)
    judge = _Judge(layer=layer, expected=expected_spikes(layer), limit=limit)
    found = [
        c for p in rules.values() if p for c in judge.judged(p.scale, p.threshold_high, p.weights, p.bias, nearest=True)
    ]
    before = None if plain is None else found[0].spikes
    found += [c for high in _thresholds(layer, around.scale) for c in _rounded(judge, high)]
    found += [b for c in sorted(found, key=_Candidate.rank)[:_FINALISTS] for b in _balanced(judge, c)]
    best = min(found, key=_Candidate.rank)
    return Choice(
        rule="threshold-aware",
        candidates=len(found),
        before=before,
        after=best.spikes,
        scale=best.scale,
        weights=None if best.nearest else best.weights,
    )


def _integers(layer: Layer, *, bias_bits: int, scale: float | None = None) -> IntParameters | None:
    """By rule "max-abs", or of a scale; None where that is refused."""
    try:
        return discretize_conv_if(
            layer.weights,
            layer.threshold,
            bias=layer.bias,
            bias_bits=bias_bits,
            scale=scale,
            clip=scale is not None,
        )
    except CompileError:
        return None


def _rescuing(layer: Layer) -> float | None:
    """The scale of threshold 1, where all others round it to 0."""
    return 1 / layer.threshold if layer.threshold > 0 else None


def _thresholds(layer: Layer, scale: float) -> list[int]:
    """Whole numbers for the threshold, which set the scale."""
    low, high = (max(1.0, min(_HEADROOM, factor * scale * layer.threshold)) for factor in (_LOWEST, _HIGHEST))
    some = np.rint(np.geomspace(low, high, _SOME))
    return [int(n) for n in np.union1d(some, np.arange(1, min(_ALL, high) + 1))]


def _rounded(judge: _Judge, high: int) -> Iterator[_Candidate]:
    """Weights rounded to nearest; and the same without a weight that is rounded to 0, where there is one."""
    layer, scale = judge.layer, high / judge.layer.threshold
    weights = np.clip(discretize_tensor(layer.weights, scale), WEIGHT_MIN, WEIGHT_MAX)
    bias = None if layer.bias is None else np.clip(discretize_tensor(layer.bias, scale), INT16_MIN, INT16_MAX)
    if weights.any():
        yield from judge.judged(scale, high, weights, bias, nearest=True)
        silent = (weights == 0) & (layer.weights != 0)
        if silent.any():
            kept = np.where(silent, np.sign(layer.weights), weights).astype(np.int64)
            yield from judge.judged(scale, high, kept, bias)


def _balanced(judge: _Judge, candidate: _Candidate) -> Iterator[_Candidate]:
    """The same with weights rounded so that they balance, as far as the limit lets them."""
    high = candidate.threshold_high
    products: FloatArray = judge.layer.weights * (high / judge.layer.threshold)
    spent = float(((candidate.weights - products) ** 2).sum())
    room = (judge.limit**2 - candidate.distance**2) * float((products**2).sum())
    yield from judge.judged(candidate.scale, high, balanced(products, candidate.weights, spent + room), candidate.bias)
