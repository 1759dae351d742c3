"""All rungs on all samples, some of them at a time: no more than two rungs' spikes are kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nirdynap.errors import Diagnostic
from nirdynap.ir.digest import frozen
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.events import Events
from nirdynap.ir.layers import Layer
from nirdynap.ir.network import Network
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import US_PER_S, IntArray
from nirdynap.sim import simulate
from nirdynap.sim.asynchronous import Emission, Order
from nirdynap.sim.inputs import behind_dvs
from nirdynap.sim.protocol import Progress
from nirdynap.sim.stimulus import Stimulus
from nirdynap.verify.equal import broken, unrounded
from nirdynap.verify.framework import Outputs, framework_trace, live_outputs
from nirdynap.verify.guards import counter_guards
from nirdynap.verify.rungs import (
    FloatRung,
    RungName,
    Trace,
    clocked_trace,
    event_trace,
    float_trace,
    single_repeats,
)
from nirdynap.verify.verification import (
    Rung,
    Step,
    Verification,
    comparison_of,
    joined_rung,
    rung_of,
    step_of,
)

_Part = tuple[tuple[Rung, ...], tuple[Step, ...]]
_BYTES_AT_ONCE = 1 << 26  # of the rasters that two rungs keep, for the samples that run together


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeing:
    """The network of a float rung, and the DVS layer through which it sees a camera's recordings.

    Attributes:
        repeats: it is the network of the rung before but for names, so that it need not run again.
    """

    name: FloatRung
    network: Network
    dvs: DvsLayer | None
    repeats: bool = False

    def raster(self, stimuli: tuple[Stimulus, ...], steps: int, dt_us: int) -> IntArray:
        """Its input counts, int64 [time, sample, c, y, x]."""
        raster = np.zeros((steps, len(stimuli), *self.network.input.input_shape), dtype=np.int64)
        for sample, s in enumerate(behind_dvs(self.dvs, s) for s in stimuli):
            np.add.at(raster[:, sample], (s.t // dt_us, s.c, s.y, s.x), s.count)
        return raster


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """What all samples have in common: the networks of the float rungs, the spec, and the options of the runs.

    Attributes:
        spec: what the graph became.
        layers: what the network was grouped into, in floats.
        networks: float, leakless if there is one, normalised, lowered.
        framework: outputs on all samples, a live model, or None.
        silicon: a chip's spikes on all samples, or None.
        order, emission, dt_us, bias_clock_us: as in `verify`.
        steps: length of each sample.
    """

    spec: Spec
    layers: tuple[Layer, ...]
    networks: tuple[Seeing, ...]
    framework: Outputs | Any | None
    silicon: Trace | None
    order: Order
    emission: Emission
    bias_clock_us: int | None
    dt_us: int
    steps: int

    @property
    def height(self) -> int:
        """How many rungs there are."""
        return len(self.networks) + 4 + (self.framework is not None) + (self.silicon is not None)

    def climbed(
        self, stimuli: tuple[Stimulus, ...], labels: IntArray | None, progress: Progress | None
    ) -> Verification:
        """All rungs on all samples."""
        parts = self._parts(stimuli, progress)
        seconds = self._duration_us / US_PER_S
        comparisons = tuple(comparison_of(steps, seconds) for steps in zip(*(steps for _, steps in parts), strict=True))

        rungs = tuple(joined_rung(rungs) for rungs in zip(*(rungs for rungs, _ in parts), strict=True))

        def seen(index: int, sample: int) -> tuple[Network, IntArray]:
            one = self.networks[index]
            return one.network, one.raster(stimuli[sample : sample + 1], self.steps, self.dt_us)

        return Verification(
            spec=self.spec,
            samples=len(stimuli),
            steps=self.steps,
            dt_us=self.dt_us,
            bias_clock_us=self.bias_clock_us,
            order=self.order,
            emission=self.emission,
            rungs=rungs,
            comparisons=comparisons,
            notes=(
                *self.spec.notes,
                *broken(comparisons, self.spec, seen),
                *unrounded(self.layers, self.spec),
                *_chip_guards(rungs, len(stimuli)),
            ),
            labels=labels,
            dvs_dropped=sum(behind_dvs(self.spec.dvs, s).dvs_dropped for s in stimuli),
        )

    @property
    def _duration_us(self) -> int:
        return self.steps * self.dt_us

    def _samples_at_once(self) -> int:
        """As many as the rasters of two rungs have room for."""
        shapes = (self.networks[0].network.input.input_shape, *(core.neuron_shape for core in self.spec.cores))
        numbers = self.steps * sum(int(np.prod(shape)) for shape in shapes)
        return max(1, _BYTES_AT_ONCE // (2 * 8 * numbers))

    def _parts(self, stimuli: tuple[Stimulus, ...], progress: Progress | None) -> list[_Part]:
        at_once = self._samples_at_once()

        def tell(first: int, done: int) -> None:
            if progress is not None:
                progress(first * self.height + done, len(stimuli) * self.height)

        return [
            self._climb(stimuli[first : first + at_once], first, partial(tell, first))
            for first in range(0, len(stimuli), at_once)
        ]

    def _climb(self, stimuli: tuple[Stimulus, ...], first: int, tell: Callable[[int], None]) -> _Part:
        """All rungs on some samples, of which `first` is the number of the first, and what lies between them."""
        rungs: list[Rung] = []
        steps: list[Step] = []
        before: Trace | None = None
        for trace in self._traces(stimuli, first, tell):
            rungs.append(rung_of(trace, self._about(trace.name)))
            if before is not None:
                steps.append(step_of(before, trace, first))
            before = trace
            tell(len(rungs) * len(stimuli))
        return tuple(rungs), tuple(steps)

    def _traces(self, stimuli: tuple[Stimulus, ...], first: int, tell: Callable[[int], None]) -> Iterator[Trace]:
        which = slice(first, first + len(stimuli))
        if self.framework is not None:
            yield self._framework_trace(stimuli, which)
        trace: Trace | None = None
        for seeing in self.networks:
            if trace is not None and seeing.repeats:
                trace = trace.again(seeing.name)
            else:
                raster = seeing.raster(stimuli, self.steps, self.dt_us)
                trace = float_trace(seeing.name, seeing.network, self.spec, raster)
            yield trace
        yield from self._integer_traces(stimuli, tell)
        if self.silicon is not None:
            yield _part_of(self.silicon, which)

    def _framework_trace(self, stimuli: tuple[Stimulus, ...], which: slice) -> Trace:
        top = self.networks[0]
        if isinstance(self.framework, Outputs):
            outputs = self.framework.of(which)
        else:
            outputs = live_outputs(self.framework, top.network, top.raster(stimuli, self.steps, self.dt_us))
        return framework_trace(outputs, top.network, self.spec)

    def _integer_traces(self, stimuli: tuple[Stimulus, ...], tell: Callable[[int], None]) -> Iterator[Trace]:
        events = [_events(s) for s in stimuli]
        above = (self.height - 4 - (self.silicon is not None)) * len(stimuli)
        bare = _without_decimators(self.spec)
        run = partial(simulate, events_or_raster=events, record="all", dt_us=self.dt_us, duration_us=self._duration_us)

        def telling(rung: int) -> Progress:
            # The last sample of a rung is told of when the rung is done.
            return lambda n, of: tell(above + rung * of + n) if n < of else None

        free = run(bare, semantics="clocked", saturate=False, progress=telling(0))
        trace, repeats = clocked_trace("clocked", free), single_repeats(free)
        del free  # with its trace
        yield trace
        if repeats:
            yield trace.again("single")
        else:
            yield clocked_trace("single", run(bare, semantics="clocked", spikes_per_step="one", progress=telling(1)))
        run = partial(run, semantics="event", order=self.order, emission=self.emission)
        trace = event_trace("event", run(bare, bias_clock_us=self.dt_us, progress=telling(2)), self.steps)
        yield trace
        if self._effects():
            result = run(self.spec, bias_clock_us=self.bias_clock_us, progress=telling(3))
            yield event_trace("chip", result, self.steps)
        else:
            yield trace.again("chip")

    def _effects(self) -> list[str]:
        """What the chip does besides the event run of the rung before."""
        found = []
        if self.bias_clock_us != self.dt_us and any(core.bias is not None for core in self.spec.cores):
            slow = self.bias_clock_us is None
            found.append(f"biases {'at the ticks of the slow clock' if slow else f'every {self.bias_clock_us} us'}")
        found += [f"each spike number {c.decimator} of {c.name} passes" for c in self.spec.cores if c.decimator > 1]
        return list(dict.fromkeys(found))  # copies of a core count alike

    def _about(self, rung: RungName) -> str:
        how = self.spec.convention
        lag = ", each layer read as much later as it lags" if how.delay else ""
        biased = any(core.bias is not None for core in self.spec.cores)
        ticks = f", biases every {self.dt_us} us" if biased else ""
        effects = ", ".join(self._effects()) or "no decimator and no clock of its own here, as before"
        steps = "one spike" if self.spec.spikes_per_step == "one" else "any number of spikes"
        return {
            "framework": "what the framework itself gave for this input",
            "float": f"the network as read with convention {how.name!r}, in float64 and time steps{lag}: the model, "
            "up to rounding",
            "leakless": f"the same network with the leak of its neurons approximated (leak={how.leak!r}), in float64: "
            "another network, as asked for",
            "normalised": "the same network after all folds and rewrites, still in float64: must have the same spikes, "
            "up to rounding",
            "lowered": "the layers that it was grouped into, one for each core, still in float64: must have the same "
            "spikes",
            "clocked": f"the chip's integers in time steps of {self.dt_us} us, {steps} of a neuron in a step, "
            "membranes of any size: all spikes of a step are summed before a neuron decides",
            "single": "the same with one spike of a neuron in a step, and membranes held in 16 bits",
            "event": f"the chip's integers spike by spike ({self.order} first, emission order {self.emission}{ticks}): "
            "how the asynchronous chip works as far as documented, so another answer than in time steps",
            "chip": f"the same with what the chip does besides: {effects}",
            "silicon": "the spikes that a chip itself has fired",
        }[rung]


def _without_decimators(spec: Spec) -> Spec:
    cores = tuple(dataclasses.replace(core, decimator=1) for core in spec.cores)
    return spec if all(core.decimator == 1 for core in spec.cores) else dataclasses.replace(spec, cores=cores)


def _part_of(trace: Trace, samples: slice) -> Trace:
    """A trace of counts alone, of some of its samples."""
    return Trace(
        name=trace.name,
        layers={name: dataclasses.replace(layer, counts=layer.counts[samples]) for name, layer in trace.layers.items()},
        decisions={name: frozen(decided[samples], np.int64) for name, decided in trace.decisions.items()},
    )


def _events(stimulus: Stimulus) -> Events:
    s = stimulus
    t, c, y, x = (np.repeat(array, s.count) for array in (s.t, s.c, s.y, s.x))
    return Events(t=t, c=c, y=y, x=x)


def _chip_guards(rungs: tuple[Rung, ...], samples: int) -> Iterator[Diagnostic]:
    """What the last rung that is simulated shows of its layers."""
    for rung in rungs:
        if rung.name == "chip":
            for layer in rung.layers:
                yield from counter_guards(layer.name, samples, layer.spikes, layer.saturated)
