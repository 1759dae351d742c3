"""How far two runs agree: spike counts neuron by neuron, added up over the samples of a batch.

Everything said of a layer follows from how often each pair of counts occurs, so parts of a batch add up exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nirdynap.ir.units import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One layer on two adjacent rungs, compared by the spike count of each neuron in each sample.

    Attributes:
        layer: the user's weight node.
        neurons: counts compared: neurons of the layer times samples.
        equal: those that are equal; within_one: those that differ by at most one spike.
        largest_difference: of any two counts.
        spikes, reference_spikes: totals on the rung and on the one before it.
        correlation: Pearson's, of the two counts of each neuron; 1 where all are equal, None where only one varies.
        rate_error_hz: mean of what the two firing rates of a neuron differ by, in spikes per second.
        earth_mover_hz: earth mover's distance between the distributions of firing rates, whichever neuron has them:
            the area between their cumulative distributions; at most `rate_error_hz`.
    """

    layer: str
    neurons: int
    equal: int
    within_one: int
    largest_difference: int
    spikes: int
    reference_spikes: int
    correlation: float | None
    rate_error_hz: float
    earth_mover_hz: float

    @property
    def equal_fraction(self) -> float:
        """Fraction of neurons whose counts are equal, 0..1."""
        return self.equal / self.neurons

    @property
    def within_one_fraction(self) -> float:
        """Fraction of neurons whose counts differ by at most one, 0..1."""
        return self.within_one / self.neurons

    @property
    def ratio(self) -> float:
        """Total spikes over those of the rung before; 1 where both are silent, infinite where only that one is."""
        if self.reference_spikes == 0:
            return 1.0 if self.spikes == 0 else float("inf")
        return self.spikes / self.reference_spikes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """How often each pair of spike counts occurs in a layer: int64 [pair], no pair twice.

    Attributes:
        reference, counts: on the rung before, and on this one.
        neurons: that have these counts.
    """

    reference: IntArray
    counts: IntArray
    neurons: IntArray


def pairs_of(reference: IntArray, counts: IntArray) -> Pairs:
    """The pairs of int64 spike counts [sample, c, y, x] on the rung before and on this one."""
    return _summed(reference.ravel(), counts.ravel(), np.ones(counts.size, dtype=np.int64))


def joined_pairs(parts: Sequence[Pairs]) -> Pairs:
    """The pairs of one layer over all samples, from those of some of them."""
    reference, counts, neurons = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("reference", "counts", "neurons")
    )
    return _summed(reference, counts, neurons)


def _summed(reference: IntArray, counts: IntArray, neurons: IntArray) -> Pairs:
    width = int(counts.max()) + 1
    keys, where = np.unique(reference * width + counts, return_inverse=True)
    totals = np.bincount(where.ravel(), weights=neurons).astype(np.int64)
    return Pairs(reference=keys // width, counts=keys % width, neurons=totals)


def agreement(layer: str, pairs: Pairs, seconds: float) -> Agreement:
    """What the pairs of a layer say; `seconds` is the length of each sample."""
    a, b, n = pairs.reference, pairs.counts, pairs.neurons
    distance = np.abs(b - a)
    neurons = int(n.sum())
    return Agreement(
        layer=layer,
        neurons=neurons,
        equal=int(n[distance == 0].sum()),
        within_one=int(n[distance <= 1].sum()),
        largest_difference=int(distance.max()),
        spikes=int((b * n).sum()),
        reference_spikes=int((a * n).sum()),
        correlation=_correlation(pairs),
        rate_error_hz=int((distance * n).sum()) / neurons / seconds,
        earth_mover_hz=_earth_mover(pairs) / neurons / seconds,
    )


def _correlation(pairs: Pairs) -> float | None:
    a, b, n = pairs.reference, pairs.counts, pairs.neurons
    if np.array_equal(a, b):
        return 1.0
    total, of_a, of_b = (int(s.sum()) for s in (n, a * n, b * n))
    # Whole numbers, so that no order of adding up changes the result.
    both, spread_a, spread_b = (
        total * int((p * q * n).sum()) - sum_p * sum_q
        for p, q, sum_p, sum_q in ((a, b, of_a, of_b), (a, a, of_a, of_a), (b, b, of_b, of_b))
    )
    return both / (math.sqrt(spread_a) * math.sqrt(spread_b)) if spread_a and spread_b else None


def _earth_mover(pairs: Pairs) -> int:
    """Spikes that have to be moved, over all neurons, to make one distribution of counts the other."""
    values = np.union1d(pairs.reference, pairs.counts)
    surplus = np.zeros(len(values), dtype=np.int64)
    np.add.at(surplus, np.searchsorted(values, pairs.reference), pairs.neurons)
    np.add.at(surplus, np.searchsorted(values, pairs.counts), -pairs.neurons)
    return int((np.abs(np.cumsum(surplus)[:-1]) * np.diff(values)).sum())


def wilson(part: int, whole: int) -> tuple[float, float]:
    """95 % confidence interval of a fraction: Wilson's score interval (Wilson 1927, doi:10.2307/2276774).

    It stays within 0..1 and holds for few samples and for fractions near 0 and 1, where the normal one fails.

    Example:
        >>> tuple(round(bound, 3) for bound in wilson(48, 50))
        (0.865, 0.989)
    """
    z, p = 1.959963984540054, part / whole
    middle = p + z * z / (2 * whole)
    reach = z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    bounds = ((middle + sign * reach) / (1 + z * z / whole) for sign in (-1, 1))
    low, high = (min(1.0, max(0.0, bound)) for bound in bounds)
    return low, high
