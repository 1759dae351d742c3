"""The ladder: one input on every rung from the float network down to the chip's events."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nirdynap.chips.chip import Chip, load_chip
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import BAD_RUN_OPTION, Diagnostic, InputError, raise_errors
from nirdynap.frontend import read
from nirdynap.ir.arguments import label_findings
from nirdynap.ir.clock import SlowClock
from nirdynap.ir.convention import AUTO, Convention
from nirdynap.ir.digest import frozen
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.events import Events
from nirdynap.ir.network import Network
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import DEFAULT_DT_US, IntArray
from nirdynap.lower.camera import DvsOptions, behind_camera, in_front
from nirdynap.lower.wishes import ANYWHERE, Pins, Split
from nirdynap.passes import approximate_leak, normalise
from nirdynap.sim import simulate
from nirdynap.sim.asynchronous import Emission, Order, event_findings
from nirdynap.sim.inputs import behind_dvs
from nirdynap.sim.protocol import Progress, Recording
from nirdynap.sim.stimulus import Stimulus, read_recording
from nirdynap.verify.divergence import explained
from nirdynap.verify.rungs import FloatRung, RungName, Trace, clocked_trace, event_trace, float_trace
from nirdynap.verify.verification import (
    Comparison,
    Rung,
    Verification,
    comparison_of,
    joined_comparison,
    joined_rung,
    rung_of,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from nirdynap.frontend.nir_reader import ReadOptions

_Part = tuple[tuple[Rung, ...], tuple[Comparison, ...]]
_BYTES_AT_ONCE = 1 << 26  # of the rasters that two rungs keep, for the samples that run together


def verify(
    source: str | os.PathLike[str] | Any,
    chip: str | Path | Chip,
    input: Recording,  # noqa: A002
    *,
    convention: str | Convention = AUTO,
    bias_bits: int = 8,
    split: Split = "auto",
    placement: Pins = ANYWHERE,
    avoid: Collection[int] = (),
    dvs: bool | DvsOptions = False,
    order: Order = "depth",
    emission: Emission = "raster",
    slow_clock: SlowClock | None = None,
    bias_clock_us: int | None = None,
    dt_us: int = DEFAULT_DT_US,
    duration_us: int | None = None,
    labels: npt.ArrayLike | None = None,
    progress: Progress | None = None,
    **reading: Unpack[ReadOptions],
) -> Verification:
    """Run the same input on four rungs, side by side: float, lowered, clocked and event (docs/semantics.md).

    Where the caller has a leak approximated (`leak=`), a fifth stands behind "float": "leakless", the network with what
    took the leak's place.

    Args:
        source: path of a `.nir` file, or a `nir.NIRGraph`.
        chip: name of a chip or sinabs device, or path of a chip file.
        input: one Events, a sequence of them (a batch), or non-negative counts [time, channel, y, x] or
            [time, batch, channel, y, x]. All samples run as long as the longest, in whole time steps. With `dvs` they
            are the camera's, and every rung sees what the DVS layer makes of them.
        convention, bias_bits, split, placement, avoid, dvs, slow_clock, **reading: as in `nirdynap.nir_to_dynapcnn`.
        order, emission: of the event run, as in `nirdynap.simulate`.
        bias_clock_us: period of the event run's bias clock in microseconds; default `slow_clock`, or `dt_us`, one tick
            for each step.
        dt_us: length of a time step in microseconds.
        duration_us: length of event recordings in microseconds; default: up to the last event of all.
        labels: whole numbers [sample], the right output of each, for a network with one Output.
        progress: called with (runs done, runs in all): each sample is run on each of the rungs.

    Returns:
        Spikes, decisions and accuracy of each rung, and each rung compared with the one before it. `print` shows it.

    Raises:
        CompileError: the network does not fit.
        InputError: every ND5xx finding about input and options.

    Example:
        The first of the shipped test digits:

        >>> import nirdynap, numpy as np
        >>> from nirdynap.shipped import shipped
        >>> test = np.load(shipped("digits", "digits_test.npz"))
        >>> events = nirdynap.Events(**{name: test[name][: test["start"][1]] for name in ("t", "c", "y", "x")})
        >>> checked = nirdynap.verify(shipped("digits", "digits.nir"), "speck2f", events, labels=test["label"][:1])
        >>> checked.accuracy
        {'float': 1.0, 'lowered': 1.0, 'clocked': 1.0, 'event': 1.0}
        >>> checked.comparisons[0].first_difference is None  # the lowered network has the spikes of the float network
        True
    """
    spec = nir_to_dynapcnn(
        source,
        chip,
        convention=convention,
        bias_bits=bias_bits,
        split=split,
        placement=placement,
        avoid=avoid,
        slow_clock=slow_clock,
        dvs=dvs,
        **reading,
    )
    stimuli, truth = _checked(spec, input, labels, order, emission, bias_clock_us, dt_us, duration_us)
    network = read(source, convention, **reading)
    leakless = approximate_leak(network)
    behind, camera = behind_camera(leakless, load_chip(chip), dvs)
    named: tuple[tuple[FloatRung, Network], ...] = (("float", network), ("leakless", leakless))
    ladder = _Ladder(
        spec=spec,
        networks=(
            *(
                _Seeing(name=name, network=n, dvs=in_front(n, dvs))
                for name, n in named[: 1 + (leakless is not network)]
            ),
            _Seeing(name="lowered", network=normalise(behind), dvs=camera),
        ),
        order=order,
        emission=emission,
        bias_clock_us=dt_us if bias_clock_us is None and slow_clock is None else bias_clock_us,
        dt_us=dt_us,
        steps=max(1, *(s.steps for s in stimuli)),
    )
    parts = ladder.climb(stimuli, progress)
    comparisons = tuple(joined_comparison(c) for c in zip(*(c for _, c in parts), strict=True))
    return Verification(
        spec=spec,
        samples=len(stimuli),
        steps=ladder.steps,
        dt_us=dt_us,
        bias_clock_us=ladder.bias_clock_us,
        order=order,
        emission=emission,
        rungs=tuple(joined_rung(r) for r in zip(*(r for r, _ in parts), strict=True)),
        comparisons=comparisons,
        notes=(*spec.notes, *ladder.findings(comparisons, stimuli)),
        labels=truth,
        dvs_dropped=sum(behind_dvs(spec.dvs, s).dvs_dropped for s in stimuli),
    )


def _checked(
    spec: Spec,
    recording: Recording,
    labels: npt.ArrayLike | None,
    order: str,
    emission: str,
    bias_clock_us: int | None,
    dt_us: int,
    duration_us: int | None,
) -> tuple[tuple[Stimulus, ...], IntArray | None]:
    """The samples and their labels; all that is wrong with input and options is raised at once."""
    findings = [*event_findings(order, emission, bias_clock_us)]
    truth = None if labels is None else np.asarray(labels)
    stimuli: tuple[Stimulus, ...] = ()
    try:
        stimuli = read_recording(recording, spec.input_shape, dt_us=dt_us, duration_us=duration_us)
    except InputError as error:
        findings += error.diagnostics
    else:
        findings += _label_findings(truth, len(stimuli), spec)
    raise_errors(findings, InputError)
    return stimuli, None if truth is None else frozen(truth, np.int64)


def _label_findings(labels: npt.NDArray[Any] | None, samples: int, spec: Spec) -> Iterator[Diagnostic]:
    if labels is None:
        return
    if labels.shape != (samples,) or labels.dtype.kind not in "iu":
        found, limit = f"{labels.dtype} {labels.shape}", f"one whole number for each of {samples} samples"
        yield BAD_RUN_OPTION.at("$.labels", parameter="labels", value=found, limit=limit)
    else:
        yield from label_findings(spec, labels)
    if len(spec.output_names) > 1:
        limit = f"None for a network with {len(spec.output_names)} outputs"
        yield BAD_RUN_OPTION.at("$.labels", parameter="labels", value="given", limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seeing:
    """The network of a float rung, and the DVS layer through which it sees a camera's recordings."""

    name: FloatRung
    network: Network
    dvs: DvsLayer | None

    def raster(self, stimuli: tuple[Stimulus, ...], steps: int, dt_us: int) -> IntArray:
        """Its input counts, int64 [time, sample, c, y, x]."""
        raster = np.zeros((steps, len(stimuli), *self.network.input.input_shape), dtype=np.int64)
        for sample, s in enumerate(behind_dvs(self.dvs, s) for s in stimuli):
            np.add.at(raster[:, sample], (s.t // dt_us, s.c, s.y, s.x), s.count)
        return raster


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ladder:
    """What all samples have in common: the networks of the float rungs, the spec, and the options of the runs."""

    spec: Spec
    networks: tuple[_Seeing, ...]
    order: Order
    emission: Emission
    bias_clock_us: int | None
    dt_us: int
    steps: int

    def _samples_at_once(self) -> int:
        """As many as the rasters of two rungs have room for."""
        shapes = (self.networks[0].network.input.input_shape, *(core.neuron_shape for core in self.spec.cores))
        numbers = self.steps * sum(int(np.prod(shape)) for shape in shapes)
        return max(1, _BYTES_AT_ONCE // (2 * 8 * numbers))

    def climb(self, stimuli: tuple[Stimulus, ...], progress: Progress | None) -> list[_Part]:
        """All rungs on all samples, some of them at a time."""
        at_once = self._samples_at_once()
        rungs = len(self.networks) + 2

        def tell(first: int, done: int) -> None:
            if progress is not None:
                progress(first * rungs + done, len(stimuli) * rungs)

        return [
            self._climb(stimuli[first : first + at_once], first, partial(tell, first))
            for first in range(0, len(stimuli), at_once)
        ]

    def _climb(self, stimuli: tuple[Stimulus, ...], first: int, tell: Callable[[int], None]) -> _Part:
        """All rungs on some samples, of which `first` is the number of the first, and what lies between them."""
        layers = tuple(cores[0].name for cores in self.spec.layers)
        rungs: list[Rung] = []
        comparisons: list[Comparison] = []
        before: Trace | None = None
        for trace in self._traces(stimuli, tell):  # one after the other: no more than two are kept at a time
            rungs.append(rung_of(layers, trace, self._about(trace.name)))
            if before is not None:
                comparisons.append(comparison_of(layers, before, trace, first))
            before = trace
        return tuple(rungs), tuple(comparisons)

    def _traces(self, stimuli: tuple[Stimulus, ...], tell: Callable[[int], None]) -> Iterator[Trace]:
        events, samples = [_events(s) for s in stimuli], len(stimuli)
        done = 0
        for seeing in self.networks:
            raster = seeing.raster(stimuli, self.steps, self.dt_us)
            yield float_trace(seeing.name, seeing.network, self.spec, raster)
            done += samples
            tell(done)
        result = simulate(
            self.spec,
            events,
            "clocked",
            record="all",
            dt_us=self.dt_us,
            duration_us=self.steps * self.dt_us,
            progress=lambda n, _: tell(done + n),
        )
        yield clocked_trace(result)
        result = simulate(
            self.spec,
            events,
            "event",
            order=self.order,
            emission=self.emission,
            record="all",
            bias_clock_us=self.bias_clock_us,
            dt_us=self.dt_us,
            duration_us=self.steps * self.dt_us,
            progress=lambda n, _: tell(done + samples + n),
        )
        yield event_trace(result, self.steps)

    def findings(self, comparisons: tuple[Comparison, ...], stimuli: tuple[Stimulus, ...]) -> tuple[Diagnostic, ...]:
        """What is to be said about the lowered network, which should have the spikes of the one before it."""
        (difference,) = (c.first_difference for c in comparisons if c.rung == "lowered")
        if difference is None:
            return ()
        sample = stimuli[difference.sample : difference.sample + 1]
        before, lowered = ((s.network, s.raster(sample, self.steps, self.dt_us)) for s in self.networks[-2:])
        return (explained(difference, self.spec, before, lowered),)

    def _about(self, rung: RungName) -> str:
        how = self.spec.convention
        lag = ", each layer read as much later as it lags" if how.delay else ""
        when = "at the ticks of the slow clock" if self.bias_clock_us is None else f"every {self.bias_clock_us} us"
        clock = f", biases {when}" if any(c.bias is not None for c in self.spec.cores) else ""
        return {
            "float": f"the network as read with convention {how.name!r}, in float64 and time steps{lag}: the model, "
            "up to rounding",
            "leakless": f"the same network with the leak of its neurons approximated (leak={how.leak!r}), in float64: "
            "another network, as asked for",
            "lowered": "the same network after all folds and rewrites for the chip, still in float64: must have the "
            "same spikes, up to rounding",
            "clocked": f"the chip's integers in time steps of {self.dt_us} us, all spikes of a step summed before a "
            "neuron decides: exact, but no chip works in steps",
            "event": f"the chip's integers spike by spike ({self.order} first, emission order {self.emission}{clock}): "
            "how the asynchronous chip works as far as documented, so another answer than the clocked run",
        }[rung]


def _events(stimulus: Stimulus) -> Events:
    s = stimulus
    t, c, y, x = (np.repeat(array, s.count) for array in (s.t, s.c, s.y, s.x))
    return Events(t=t, c=c, y=y, x=x)
