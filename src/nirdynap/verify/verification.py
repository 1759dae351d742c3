"""What `verify` answers: the runs of one input, each described, and each compared with the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nirdynap.errors import Diagnostic
from nirdynap.ir.digest import frozen
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray
from nirdynap.sim.asynchronous import Emission, Order
from nirdynap.verify.divergence import Difference, earliest, first_difference
from nirdynap.verify.metrics import Agreement, agreement, joined_agreement
from nirdynap.verify.rungs import RungName, Trace
from nirdynap.verify.text import as_line, as_text


@dataclass(frozen=True, slots=True, kw_only=True)
class RungLayer:
    """One layer on one rung, over the run and all samples.

    Attributes:
        name: the user's weight node.
        spikes: spikes emitted, before pooling.
        ties: float rungs: decisions in which the membrane was exactly at the threshold, where the model waits and the
            chip fires (ND209). 0 where both do the same, and on the integer rungs.
        saturated, dropped: integer rungs: updates that left the int16 range, and copies of spikes that fell off
            the target map, as in `CoreStats`; 0 on the float rungs.
    """

    name: str
    spikes: int
    ties: int
    saturated: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One of the runs.

    Attributes:
        name: "float", "leakless" (if the caller had a leak approximated), "lowered", "clocked" or "event".
        about: one sentence on what it is.
        layers: in topological order.
        decisions: per Output node, int64 [sample], index (C-major) of the output with most spikes; ties go to the
            lowest index, and -1 is a sample without an output spike.
    """

    name: RungName
    about: str
    layers: tuple[RungLayer, ...]
    decisions: Mapping[str, IntArray]

    @property
    def silent(self) -> dict[str, int]:
        """Samples without an output spike, and so without a decision, per Output node."""
        return {name: int(np.count_nonzero(decided < 0)) for name, decided in self.decisions.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A rung against the one before it.

    Attributes:
        reference, rung: their names, the upper one first.
        layers: in topological order.
        same_decisions: per Output node, number of samples decided alike.
        first_difference: the first place where their spikes differ; None if all are the same.
    """

    reference: RungName
    rung: RungName
    layers: tuple[Agreement, ...]
    same_decisions: Mapping[str, int]
    first_difference: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Answer of `nirdynap.verify`; `str` of it is a table of all there is to see.

    Attributes:
        spec: what the graph became.
        samples: samples in the input; steps: length of each in time steps of `dt_us` microseconds.
        bias_clock_us: period of the bias clock in the event run, None for the spec's slow clock; order, emission: its
            other options.
        rungs: float, leakless (if the caller had a leak approximated), lowered, clocked, event.
        comparisons: each rung but the first against the one before it.
        notes: named approximations and warnings of the spec, then what the comparison found.
        labels: int64 [sample], what is right, or None.
        dvs_dropped: events of the input that the DVS layer let through to no core; 0 without one.
    """

    spec: Spec
    samples: int
    steps: int
    dt_us: int
    bias_clock_us: int | None
    order: Order
    emission: Emission
    rungs: tuple[Rung, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[Diagnostic, ...]
    labels: IntArray | None
    dvs_dropped: int = 0

    @property
    def correct(self) -> dict[RungName, int]:
        """Samples decided as their label says, per rung; empty without labels."""
        if self.labels is None:
            return {}
        (output,) = self.rungs[0].decisions  # labels are taken for one output only
        return {
            r.name: int(np.count_nonzero((r.decisions[output] == self.labels) & (r.decisions[output] >= 0)))
            for r in self.rungs
        }

    @property
    def accuracy(self) -> dict[RungName, float]:
        """Fraction of samples decided as their label says, per rung; empty without labels."""
        return {name: n / self.samples for name, n in self.correct.items()}

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return as_line(self)


def rung_of(layers: tuple[str, ...], trace: Trace, about: str) -> Rung:
    """The record of a trace."""
    rows = zip(layers, trace.counts, trace.ties, trace.saturated, trace.dropped, strict=True)
    return Rung(
        name=trace.name,
        about=about,
        layers=tuple(
            RungLayer(name=name, spikes=int(counts.sum()), ties=ties, saturated=saturated, dropped=dropped)
            for name, counts, ties, saturated, dropped in rows
        ),
        decisions=trace.decisions,
    )


def comparison_of(layers: tuple[str, ...], reference: Trace, trace: Trace, first_sample: int) -> Comparison:
    """The comparison of two traces of the same samples, the first of which is number `first_sample` of all."""
    pairs = zip(layers, reference.counts, trace.counts, strict=True)
    return Comparison(
        reference=reference.name,
        rung=trace.name,
        layers=tuple(agreement(name, before, here) for name, before, here in pairs),
        same_decisions={
            name: int(np.count_nonzero(reference.decisions[name] == decided))
            for name, decided in trace.decisions.items()
        },
        first_difference=first_difference(layers, reference, trace, first_sample),
    )


def joined_rung(parts: Sequence[Rung]) -> Rung:
    """One rung over all samples, from its parts over some of them, in order."""
    first = parts[0]
    return Rung(
        name=first.name,
        about=first.about,
        layers=tuple(
            RungLayer(
                name=row[0].name,
                spikes=sum(part.spikes for part in row),
                ties=sum(part.ties for part in row),
                saturated=sum(part.saturated for part in row),
                dropped=sum(part.dropped for part in row),
            )
            for row in zip(*(p.layers for p in parts), strict=True)
        ),
        decisions={
            name: frozen(np.concatenate([p.decisions[name] for p in parts]), np.int64) for name in first.decisions
        },
    )


def joined_comparison(parts: Sequence[Comparison]) -> Comparison:
    """One comparison over all samples, from its parts over some of them."""
    first = parts[0]
    return Comparison(
        reference=first.reference,
        rung=first.rung,
        layers=tuple(joined_agreement(row) for row in zip(*(p.layers for p in parts), strict=True)),
        same_decisions={name: sum(p.same_decisions[name] for p in parts) for name in first.same_decisions},
        first_difference=earliest(
            tuple(layer.layer for layer in first.layers), tuple(p.first_difference for p in parts)
        ),
    )
