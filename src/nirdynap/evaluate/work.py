"""What a worker does: samples in, one row for each out. Everything here travels between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nirdynap.errors import InputError, raise_errors
from nirdynap.evaluate.samples import Sample
from nirdynap.ir.arguments import label_findings
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.events import Events
from nirdynap.ir.result import CoreStats, Semantics
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import DEFAULT_DT_US
from nirdynap.sim import simulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How every sample is run: the arguments of `simulate`. A time of None is the sample's own, else the default."""

    semantics: Semantics
    order: Literal["depth", "breadth"]
    emission: Literal["raster", "channel"]
    saturate: bool
    spikes_per_step: SpikesPerStep | None
    bias_clock_us: int | None
    dt_us: int | None
    duration_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of one sample.

    Attributes:
        index, name, label: which it is.
        error: why there is no result; None if there is one, which is what follows.
        duration_us: length of the recording, in whole time steps.
        decisions: by Output node; counts: by Output node, spikes of each neuron (C-major), after its pooling.
        stats: by core, in the spec's order.
        dvs_dropped: as in `Result`.
    """

    index: int
    name: str
    label: int | None
    error: str | None = None
    duration_us: int | None = None
    decisions: tuple[int, ...] = ()
    counts: tuple[tuple[int, ...], ...] = ()
    stats: tuple[CoreStats, ...] = ()
    dvs_dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """A sample, and its place and name in the run."""

    index: int
    name: str
    sample: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Spec and options of the run. Calling it evaluates samples; it goes to the workers as it is."""

    spec: Spec
    options: Options

    def __call__(self, samples: tuple[Numbered, ...], attempt: int) -> tuple[Row, ...]:
        """One row for each sample; a recording that `simulate` refuses gets its reason.

        `attempt` is not used: Dask takes two calls with equal arguments for one, and would not try again.
        """
        return tuple(self._row(numbered) for numbered in samples)

    def try_options(self) -> None:
        """A recording without events, so that bad options, and a worker without what it needs, are found at once.

        Raises:
            InputError: as `simulate`.
        """
        none = np.zeros(0, dtype=np.int64)
        self._row_of(Numbered(index=0, name="", sample=Sample(recording=Events(t=none, c=none, y=none, x=none))))

    def _row(self, numbered: Numbered) -> Row:
        label = numbered.sample.label
        try:
            raise_errors(label_findings(self.spec, () if label is None else (label,), numbered.index), InputError)
            return self._row_of(numbered)
        except InputError as error:
            return failed(numbered.index, numbered.name, label, str(error))

    def _row_of(self, numbered: Numbered) -> Row:
        sample, options = numbered.sample, self.options
        dt_us = DEFAULT_DT_US if (given := _given(options.dt_us, sample.dt_us)) is None else given
        duration_us = _given(options.duration_us, sample.duration_us)
        result = simulate(
            self.spec,
            sample.recording,
            options.semantics,
            order=options.order,
            emission=options.emission,
            saturate=options.saturate,
            spikes_per_step=options.spikes_per_step,
            bias_clock_us=options.bias_clock_us,
            dt_us=dt_us,
            duration_us=duration_us,
        )
        return Row(
            index=numbered.index,
            name=numbered.name,
            label=sample.label,
            duration_us=_steps(sample, dt_us, duration_us) * dt_us,
            decisions=tuple(int(decision[0]) for decision in result.decisions.values()),
            counts=tuple(tuple(counts.ravel().tolist()) for counts in result.output_counts.values()),
            stats=tuple(result.stats[core.core] for core in self.spec.cores),
            dvs_dropped=result.dvs_dropped,
        )


def failed(index: int, name: str, label: int | None, reason: str) -> Row:
    """The row of a sample without a result."""
    return Row(index=index, name=name, label=label, error=reason)


def _given(option: int | None, of_sample: int | None) -> int | None:
    return of_sample if option is None else option


def _steps(sample: Sample, dt_us: int, duration_us: int | None) -> int:
    recording = sample.recording
    if not isinstance(recording, Events):
        return len(recording)
    if duration_us is not None:
        return -(-duration_us // dt_us)
    return int(recording.t[-1]) // dt_us + 1 if len(recording) else 0
