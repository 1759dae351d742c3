"""What an evaluation says of a whole data set, from the file that it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType

import numpy as np

from nirdynap.chips.chip import chip_names, load_chip
from nirdynap.errors import SAMPLES_FAILED, Diagnostic
from nirdynap.evaluate.work import Work
from nirdynap.ir.dvs import DVS_DROPPED
from nirdynap.ir.result import Semantics
from nirdynap.ir.units import US_PER_S, FloatArray, IntArray
from nirdynap.verify.guards import counter_guards
from nirdynap.verify.text import aligned

_FAILURES_KEPT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a number spreads over the samples; the 95th percentile is interpolated linearly."""

    mean: float
    median: float
    p95: float
    largest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSummary:
    """One core over all samples that have a result.

    Attributes:
        core: hardware index; name: the user's weight node.
        spikes, synaptic_operations: of a sample, as in `CoreStats`.
        operations_per_s: synaptic operations of a sample for each second of its recording; samples of no length left
            out.
        limit_per_s: how many the core can do in a second, as the chip's file has it with its source (`Chip.sources`; no
            vendor document states any); None where nobody states it.
        saturated, dropped: sums over the samples, as in `CoreStats`.
    """

    core: int
    name: str
    spikes: Spread
    synaptic_operations: Spread
    operations_per_s: Spread
    limit_per_s: int | None
    saturated: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSummary:
    """One Output node over all samples that have a result.

    Attributes:
        name: of the node.
        correct: samples decided as their label says, None if no sample has a label.
        silent: samples without an output spike, and so without a decision.
    """

    name: str
    correct: int | None
    silent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A sample without a result, and why."""

    index: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Outcome of an evaluation. `print` shows it.

    Attributes:
        semantics: "clocked" or "event"; they are different answers.
        chip, digest: of the spec.
        samples: in all; labelled: those with a result and a label; failed: those without a result.
        duration_us: length of all recordings that have a result.
        outputs: in the spec's order; cores: in topological order.
        dvs_dropped: events of all samples that the DVS layer let through to no core; 0 without one.
        failures: the first of the samples without a result.
        output: the file with one row for each sample, if one was asked for.
    """

    semantics: Semantics
    chip: str
    digest: str
    samples: int
    labelled: int
    failed: int
    duration_us: int
    outputs: tuple[OutputSummary, ...]
    cores: tuple[CoreSummary, ...]
    dvs_dropped: int
    failures: tuple[Failure, ...]
    output: Path | None

    @property
    def accuracy(self) -> dict[str, float]:
        """By Output node, share of the samples with a result and a label that are decided right; empty without any."""
        return {o.name: o.correct / self.labelled for o in self.outputs if o.correct is not None}

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """ND753 if samples have no result; ND740 and ND743 for layers that do not fire, or saturate."""
        return (*self._failed(), *self._guards())

    def _failed(self) -> Iterator[Diagnostic]:
        if self.failed:
            first = self.failures[0]
            told = f"{first.name}: {first.reason}"
            place = "$.samples" if self.output is None else str(self.output)
            yield SAMPLES_FAILED.at(place, value=self.failed, limit=self.samples, first=told)

    def _guards(self) -> Iterator[Diagnostic]:
        """Of each layer, whose cores have its name."""
        for name in dict.fromkeys(core.name for core in self.cores):
            cores = [core for core in self.cores if core.name == name]
            most, saturated = (sum(n) for n in zip(*((c.spikes.largest, c.saturated) for c in cores), strict=True))
            yield from counter_guards(name, self.samples - self.failed, int(most), int(saturated))

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in _lines(self))


def summarise(path: Path, work: Work, columnar: ModuleType, output: Path | None) -> Summary:
    """The summary of a file that an evaluation wrote; one column of it is in memory at a time."""
    spec = work.spec
    duration, has_result = columnar.read_numbers(path, "duration_us")
    duration = duration[has_result]
    label, has_label = columnar.read_numbers(path, "label")
    outputs = []
    for index, name in enumerate(spec.output_names):
        decision, _ = columnar.read_numbers(path, f"{columnar.output_prefix(spec, index)}decision")
        right = has_result & has_label & (decision >= 0) & (decision == label)
        correct = int(right.sum()) if (has_result & has_label).any() else None
        outputs.append(OutputSummary(name=name, correct=correct, silent=int((decision < 0).sum())))

    def column(core: int, counter: str) -> IntArray:
        numbers: IntArray = columnar.read_numbers(path, f"core{core}.{counter}")[0][has_result]
        return numbers

    limits = load_chip(spec.chip).operations_per_s if spec.chip in chip_names() else ()

    def summary(core: int, name: str) -> CoreSummary:
        operations = column(core, "synaptic_operations")
        return CoreSummary(
            core=core,
            name=name,
            spikes=_spread(column(core, "spikes")),
            synaptic_operations=_spread(operations),
            operations_per_s=_spread(_rates(operations, duration)),
            limit_per_s=limits[core] if core < len(limits) else None,
            saturated=int(column(core, "saturated").sum()),
            dropped=int(column(core, "dropped").sum()),
        )

    return Summary(
        semantics=work.options.semantics,
        chip=spec.chip,
        digest=spec.digest(),
        samples=len(has_result),
        labelled=int((has_result & has_label).sum()),
        failed=int((~has_result).sum()),
        duration_us=int(duration.sum()),
        outputs=tuple(outputs),
        cores=tuple(summary(core.core, core.name) for core in spec.cores),
        dvs_dropped=_dvs_dropped(path, work, columnar),
        failures=tuple(
            Failure(index=index, name=name, reason=reason)
            for index, name, reason in islice(columnar.read_errors(path), _FAILURES_KEPT)
        ),
        output=output,
    )


def _dvs_dropped(path: Path, work: Work, columnar: ModuleType) -> int:
    if work.spec.dvs is None:
        return 0
    dropped, _ = columnar.read_numbers(path, columnar.DVS_DROPPED_COLUMN)
    return int(dropped.sum())


def load_lines(summary: Summary) -> Iterator[str]:
    """How near each core comes to what it is said to be able to do."""
    if all(core.limit_per_s is None for core in summary.cores):
        yield f"No limit of synaptic operations per second is known for {summary.chip}"
    for core in summary.cores:
        if core.limit_per_s is not None:
            share = f"{100 * core.operations_per_s.largest / core.limit_per_s:.1f} %"
            limit = f"{core.limit_per_s / 1e6:.0f} million synaptic operations per second"
            reported = f"that a third party, not the vendor, reports for core {core.core}"
            yield f"{core.name}: at most {share} of the {limit} {reported}"


def _spread(values: IntArray | FloatArray) -> Spread:
    if not len(values):
        return Spread(mean=0.0, median=0.0, p95=0.0, largest=0.0)
    median, p95 = np.percentile(values, [50, 95])
    return Spread(mean=float(values.mean()), median=float(median), p95=float(p95), largest=float(values.max()))


def _rates(operations: IntArray, duration_us: IntArray) -> FloatArray:
    lasting = duration_us > 0
    rates: FloatArray = operations[lasting] * US_PER_S / duration_us[lasting]
    return rates


def _lines(summary: Summary) -> Iterator[str]:
    seconds = summary.duration_us / US_PER_S
    length = f"{summary.samples} samples ({seconds:.3f} s)"
    yield f"{summary.semantics} run of {length} on {summary.chip}, spec {summary.digest[:12]}"
    for output in summary.outputs:
        if output.correct is not None:
            share = f"{output.correct / summary.labelled:.4f} ({output.correct} of {summary.labelled})"
            yield f"accuracy of output {output.name}: {share}"
        if output.silent:
            yield f"output {output.name}: {output.silent} samples without an output spike"
    for title, field in (
        ("spikes of a sample", "spikes"),
        ("synaptic operations of a sample", "synaptic_operations"),
        ("synaptic operations per second", "operations_per_s"),
    ):
        rows = [[title, "core", "mean", "median", "95 %", "largest"]]
        for core in summary.cores:
            spread: Spread = getattr(core, field)
            numbers = (spread.mean, spread.median, spread.p95, spread.largest)
            rows.append([core.name, str(core.core), *(f"{number:.0f}" for number in numbers)])
        yield ""
        yield from aligned(iter(rows))
    yield from load_lines(summary)
    for core in summary.cores:
        if core.saturated or core.dropped:
            yield f"{core.name}: {core.saturated} saturated updates, {core.dropped} dropped spikes"
    if summary.dvs_dropped:
        yield f"{summary.dvs_dropped} {DVS_DROPPED}"
    for finding in summary.diagnostics:
        yield str(finding)
