"""The event run: the asynchronous chip (docs/semantics.md, section Event run)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, final

import numpy as np

from nirdynap.errors import BAD_RUN_OPTION, NO_BIAS_CLOCK, Diagnostic, InputError, raise_errors
from nirdynap.ir.result import Result
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import DEFAULT_DT_US, is_positive
from nirdynap.sim.assemble import Raw, assemble
from nirdynap.sim.options import check_batch, check_choice, check_record, load_kernels
from nirdynap.sim.plan import Network, Sample, State, flatten, fresh_state
from nirdynap.sim.protocol import Progress, Record, Recording
from nirdynap.sim.stimulus import Stimulus, read_recording

Order = Literal["depth", "breadth"]
Emission = Literal["raster", "channel"]


@final
class EventSimulator:
    """A `Simulator` that runs event by event.

    Args:
        spec: what to run.
        order: "depth": each spike with all its descendants before the next; "breadth": core after core.
        emission: order of the spikes that one event causes at one core: "raster" (y, x, channel) or "channel".
        bias_clock_us: period in microseconds at which biases are added; needed where there are biases.

    Raises:
        InputError: ND506 for biases without a clock, ND507 for an unknown option.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        order: Order = "depth",
        emission: Emission = "raster",
        bias_clock_us: int | None = None,
    ) -> None:
        findings = [*event_findings(order, emission, bias_clock_us), *bias_findings(spec, bias_clock_us)]
        raise_errors(findings, InputError)
        self._spec = spec
        self._breadth = order == "breadth"
        self._by_channel = emission == "channel"
        self._period = bias_clock_us or 0
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
        stimuli = read_recording(recording, self._spec.input_shape, dt_us=dt_us, duration_us=duration_us)
        state = self._state or fresh_state(self._spec, len(stimuli), np.int16)
        raise_errors(check_batch(len(stimuli), len(state.membranes)), InputError)
        net = flatten(self._spec, record_all=record == "all")
        raw, self._state = self._run_samples(net, stimuli, state, progress)
        return assemble(self._spec, "event", stimuli, raw, record=record, dt_us=dt_us)

    def _run_samples(
        self, net: Network, stimuli: tuple[Stimulus, ...], state: State, progress: Progress | None
    ) -> tuple[Raw, State]:
        kernels = load_kernels("plain")
        membranes, phases = state.membranes.copy(), state.phases.copy()
        counts = np.zeros(membranes.shape, dtype=np.int64)
        saturated = np.zeros(len(net.cores), dtype=np.int64)
        found = np.empty(net.found_size, dtype=np.int64)
        records = []
        for i, s in enumerate(stimuli):
            t, c, y, x = (np.repeat(array, s.count) for array in (s.t, s.c, s.y, s.x))
            out = Sample(membranes[i], phases[i], counts[i], saturated, found)
            rows = kernels.run_events(net, t, c, y, x, self._period, s.end_us, self._breadth, self._by_channel, out)
            rows[:, 0] = t[rows[:, 0]]
            records.append(rows)
            if progress is not None:
                progress(i + 1, len(stimuli))
        steps = max(s.steps for s in stimuli)
        raw = Raw(records=tuple(records), membranes=membranes, counts=counts, saturated=saturated, steps=steps)
        return raw, State(membranes=membranes, phases=phases)


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
        if bias_clock_us is None and core.bias is not None:
            yield NO_BIAS_CLOCK.at(f"$.cores.{core.core}", value=core.core)
