"""What a verification hands out: each rung, and each rung compared with the one before it."""

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
from nirdynap.verify.metrics import Agreement, Pairs, agreement, joined_pairs, pairs_of, wilson
from nirdynap.verify.rungs import RungName, Trace
from nirdynap.verify.text import as_line, as_text
from nirdynap.verify.waterfall import Waterfall, waterfall_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RungLayer:
    """One layer on one rung, over the run and all samples.

    Attributes:
        name: the user's weight node.
        spikes: spikes emitted, before pooling.
        ties: float rungs: decisions in which the membrane was exactly at the threshold, where the model waits and the
            chip fires (ND209). 0 where both do the same, and on the other rungs.
        saturated, dropped: integer rungs: updates that left the int16 range, and copies of spikes that fell off
            the target map, as in `CoreStats`; 0 on the other rungs.
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
        name: "framework" (if its outputs were given), "float", "leakless" (if the caller had a leak approximated),
            "normalised", "lowered", "clocked", "single", "event", "chip" or "silicon" (if a chip's spikes were given).
        about: one sentence on what it is.
        layers: in topological order, those that are known: all but on "framework" and "silicon".
        decisions: per Output node that is known, int64 [sample], index (C-major) of the output with most spikes; ties
            go to the lowest index, and -1 is a sample without an output spike.
        repeats: it is the rung before, as was proven, and was not run again.
    """

    name: RungName
    about: str
    layers: tuple[RungLayer, ...]
    decisions: Mapping[str, IntArray]
    repeats: bool

    @property
    def silent(self) -> dict[str, int]:
        """Samples without an output spike, and so without a decision, per Output node."""
        return {name: int(np.count_nonzero(decided < 0)) for name, decided in self.decisions.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A rung against the one before it.

    Attributes:
        reference, rung: their names, the upper one first.
        layers: in topological order, those that both know.
        same_decisions: per Output node that both know, number of samples decided alike.
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
        bias_clock_us: period of the bias clock on the rung "chip", None for the spec's slow clock; order, emission:
            other options of the event runs.
        rungs: from the top; those that `Rung` names.
        comparisons: each rung but the first against the one before it.
        notes: named approximations and warnings of the spec, then what the comparison found; an error is a rung that
            differs from the one before it and must not.
        labels: int64 [sample], what is right, or None.
        dvs_dropped: events of the input that the DVS layer let through to no core; 0 without one.
        recorded: the same ladder on the recordings that were played to a chip, down to its own spikes, or None.
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
    recorded: Verification | None = None

    @property
    def correct(self) -> dict[RungName, int]:
        """Samples decided as their label says, per rung that decides; empty without labels."""
        if self.labels is None:
            return {}
        (output,) = self.spec.output_names  # labels are taken for one output only
        return {
            r.name: int(np.count_nonzero(r.decisions[output] == self.labels))
            for r in self.rungs
            if output in r.decisions
        }

    @property
    def accuracy(self) -> dict[RungName, float]:
        """Fraction of samples decided as their label says, per rung; empty without labels."""
        return {name: n / self.samples for name, n in self.correct.items()}

    @property
    def accuracy_interval(self) -> dict[RungName, tuple[float, float]]:
        """Wilson's 95 % confidence interval of each accuracy; empty without labels."""
        return {name: wilson(n, self.samples) for name, n in self.correct.items()}

    @property
    def waterfall(self) -> Waterfall:
        """Decisions lost and gained on each step from the first rung that knows all outputs to the last."""
        return waterfall_of(self.rungs, self.spec.output_names, self.labels)

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return as_line(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A rung against the one before it on some samples, in numbers that add up over the parts of a batch."""

    reference: RungName
    rung: RungName
    pairs: Mapping[str, Pairs]
    same_decisions: Mapping[str, int]
    first_difference: Difference | None


def rung_of(trace: Trace, about: str) -> Rung:
    """The record of a trace."""
    return Rung(
        name=trace.name,
        about=about,
        layers=tuple(
            RungLayer(
                name=name,
                spikes=int(layer.counts.sum()),
                ties=layer.ties,
                saturated=layer.saturated,
                dropped=layer.dropped,
            )
            for name, layer in trace.layers.items()
        ),
        decisions=trace.decisions,
        repeats=trace.repeats,
    )


def step_of(reference: Trace, trace: Trace, first_sample: int) -> Step:
    """The comparison of two traces of the same samples, the first of which is number `first_sample` of all."""
    common = [name for name in trace.layers if name in reference.layers]
    return Step(
        reference=reference.name,
        rung=trace.name,
        pairs={name: pairs_of(reference.layers[name].counts, trace.layers[name].counts) for name in common},
        same_decisions={
            name: int(np.count_nonzero(reference.decisions[name] == decided))
            for name, decided in trace.decisions.items()
            if name in reference.decisions
        },
        first_difference=first_difference(reference, trace, first_sample),
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
        repeats=all(part.repeats for part in parts),
    )


def comparison_of(parts: Sequence[Step], seconds: float) -> Comparison:
    """One comparison over all samples, each `seconds` long, from its parts over some of them."""
    first = parts[0]
    return Comparison(
        reference=first.reference,
        rung=first.rung,
        layers=tuple(agreement(name, joined_pairs([p.pairs[name] for p in parts]), seconds) for name in first.pairs),
        same_decisions={name: sum(p.same_decisions[name] for p in parts) for name in first.same_decisions},
        first_difference=earliest(tuple(first.pairs), tuple(p.first_difference for p in parts)),
    )
