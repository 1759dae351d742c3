"""The event run: the asynchronous chip (docs/semantics.md, section Event run)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, final

import numpy as np

from nirdynap.errors import BAD_RUN_OPTION, NO_BIAS_CLOCK, Diagnostic, InputError, raise_errors
from nirdynap.ir.result import Result
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import DEFAULT_DT_US, IntArray, is_positive
from nirdynap.lower.validate import check_coherent
from nirdynap.sim.assemble import Raw, assemble
from nirdynap.sim.batch import each_sample
from nirdynap.sim.inputs import read_inputs
from nirdynap.sim.layout import inputs_of, lay_out
from nirdynap.sim.options import (
    check_batch,
    check_choice,
    check_record,
    check_threads,
    instruction_set,
    load_kernels,
)
from nirdynap.sim.plan import Sample, State, first_state, flatten, recorded_cores
from nirdynap.sim.protocol import Progress, Record, Recording
from nirdynap.sim.routes import find_routes
from nirdynap.sim.stimulus import Stimulus
from nirdynap.sim.ticks import event_ticks

Order = Literal["depth", "breadth"]
Emission = Literal["raster", "channel"]


@final
class EventSimulator:
    """A `Simulator` that runs event by event.

    Args:
        spec: what to run.
        order: "depth": each spike with all its descendants before the next; "breadth": core after core.
        emission: order of the spikes that one event causes at one core: "raster" (y, x, channel) or "channel".
        bias_clock_us: period in microseconds at which biases are added; default: the spec's slow clock.
        threads: how many samples of a batch run side by side; default: as many as the machine has cores.

    Raises:
        InputError: ND506 for biases without a clock, ND507 for an unknown option, ND513 for what is no Spec.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        order: Order = "depth",
        emission: Emission = "raster",
        bias_clock_us: int | None = None,
        threads: int | None = None,
    ) -> None:
        check_coherent(spec)
        findings = [
            *check_threads(threads),
            *event_findings(order, emission, bias_clock_us),
            *bias_findings(spec, bias_clock_us),
        ]
        raise_errors(findings, InputError)
        self._spec = spec
        self._breadth = order == "breadth"
        self._by_channel = emission == "channel"
        self._period = bias_clock_us
        self._threads = threads
        self._state: State | None = None

    def reset_states(self) -> None:
        """Membranes become the spec's initial states, decimators start anew."""
        self._state = None

    def run(
        self,
        recording: Recording,
        *,
        record: Record = "outputs",
        dt_us: int = DEFAULT_DT_US,
        duration_us: int | None = None,
        progress: Progress | None = None,
    ) -> Result:
        """One more recording or batch, as in `Simulator.run`. The bias clock starts with the recording, at time 0."""
        raise_errors(check_record(record), InputError)
        stimuli = read_inputs(self._spec, recording, dt_us=dt_us, duration_us=duration_us)
        state = first_state(self._spec, len(stimuli), np.int16, self._state)
        raise_errors(check_batch(len(stimuli), len(state.membranes)), InputError)
        raw, self._state = self._run_samples(stimuli, state, record == "all", progress)
        clock, ticks = self._spec.slow_clock, None
        if self._period is not None or clock is not None:
            ticks = tuple(event_ticks(clock, self._period, s) for s in stimuli)
        return assemble(self._spec, "event", stimuli, raw, record=record, dt_us=dt_us, ticks=ticks)

    def _run_samples(
        self, stimuli: tuple[Stimulus, ...], state: State, record_all: bool, progress: Progress | None
    ) -> tuple[Raw, State]:
        membranes, phases = state.membranes, state.phases
        counts = np.zeros(membranes.shape, dtype=np.int64)
        saturated = np.zeros(phases.shape, dtype=np.int64)
        run = self._vectors if self._fits_vectors() else self._plain

        def one(i: int) -> IntArray:
            s = stimuli[i]
            single = s if s.count.max(initial=1) == 1 else s.single()
            rows = run(single, record_all, Sample(membranes[i], phases[i], counts[i], saturated[i]))
            rows[:, 0] = single.t[rows[:, 0]]
            return rows

        raw = Raw(
            records=tuple(each_sample(one, len(stimuli), self._threads, progress)),
            membranes=membranes,
            width=np.int16,
            counts=counts,
            saturated=saturated.sum(axis=0),
            steps=max(s.steps for s in stimuli),
        )
        return raw, State(membranes=membranes, phases=phases)

    def _fits_vectors(self) -> bool:
        """The vector kernels go core after core; an output that cores share needs the order of their spikes."""
        alone = len(self._spec.output_names) == len(self._spec.outputs)
        return alone and instruction_set() != "plain"

    def _vectors(self, s: Stimulus, record_all: bool, out: Sample) -> IntArray:
        """One sample by the vector kernels."""
        spec, stream = self._spec, load_kernels("stream")
        recorded = recorded_cores(spec, record_all=record_all)
        order = stream.Order(self._breadth, self._by_channel)
        net, inputs = lay_out(spec), inputs_of(s, spec.port_shape)
        rows: IntArray = stream.run_events(net, find_routes(spec), recorded, inputs, self._ticks(s), order, out)
        return rows

    def _ticks(self, s: Stimulus) -> IntArray:
        """The number of events before each tick."""
        return np.searchsorted(s.t, event_ticks(self._spec.slow_clock, self._period, s), side="right")

    def _plain(self, s: Stimulus, record_all: bool, out: Sample) -> IntArray:
        """One sample by the plain kernels."""
        net = flatten(self._spec, record_all=record_all)
        found = out._replace(found=np.empty(net.found_size, dtype=np.int64))
        addresses = (a.astype(np.int64) for a in (s.c, s.y, s.x))
        rows: IntArray = load_kernels("plain").run_events(
            net, *addresses, self._ticks(s), self._breadth, self._by_channel, found
        )
        return rows


def event_findings(order: object, emission: object, bias_clock_us: object) -> Iterator[Diagnostic]:
    """What is wrong with the options of an event run."""
    yield from check_choice("order", order, ("depth", "breadth"))
    yield from check_choice("emission", emission, ("raster", "channel"))
    if bias_clock_us is not None and not is_positive(bias_clock_us):
        limit = "a positive whole number of microseconds, or None"
        yield BAD_RUN_OPTION.at("$.bias_clock_us", parameter="bias_clock_us", value=str(bias_clock_us), limit=limit)


def bias_findings(spec: Spec, bias_clock_us: object) -> Iterator[Diagnostic]:
    """ND506 for each core whose biases have no clock."""
    for core in spec.cores:
        if bias_clock_us is None and spec.slow_clock is None and core.bias is not None:
            yield NO_BIAS_CLOCK.at(f"$.cores.{core.core}", value=core.core)
