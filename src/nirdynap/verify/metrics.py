"""How far two runs agree: spike counts neuron by neuron, added up over the samples of a batch."""

from __future__ import annotations

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
    """

    layer: str
    neurons: int
    equal: int
    within_one: int
    largest_difference: int
    spikes: int
    reference_spikes: int

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


def agreement(layer: str, reference: IntArray, counts: IntArray) -> Agreement:
    """Compare int64 spike counts [sample, c, y, x] with those of the rung before."""
    distance = np.abs(counts - reference)
    return Agreement(
        layer=layer,
        neurons=distance.size,
        equal=int(np.count_nonzero(distance == 0)),
        within_one=int(np.count_nonzero(distance <= 1)),
        largest_difference=int(distance.max()),
        spikes=int(counts.sum()),
        reference_spikes=int(reference.sum()),
    )


def joined_agreement(parts: Sequence[Agreement]) -> Agreement:
    """The agreement of one layer over all samples, from its parts over some of them."""
    return Agreement(
        layer=parts[0].layer,
        neurons=sum(p.neurons for p in parts),
        equal=sum(p.equal for p in parts),
        within_one=sum(p.within_one for p in parts),
        largest_difference=max(p.largest_difference for p in parts),
        spikes=sum(p.spikes for p in parts),
        reference_spikes=sum(p.reference_spikes for p in parts),
    )
