"""The clocked run: time steps, as training saw them (docs/semantics.md, section Clocked run)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np

from nirdynap.errors import BAD_RUN_OPTION, BEYOND_INT32, Diagnostic, InputError, raise_errors
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.events import check_steps
from nirdynap.ir.result import Result
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import DEFAULT_DT_US, INT16_MAX, INT16_MIN, IntArray, is_positive
from nirdynap.lower.validate import check_coherent
from nirdynap.sim.assemble import Raw, assemble
from nirdynap.sim.batch import each_sample
from nirdynap.sim.inputs import read_inputs
from nirdynap.sim.layout import inputs_of, lay_out
from nirdynap.sim.options import check_batch, check_choice, check_record, check_threads, instruction_set, load_kernels
from nirdynap.sim.plan import Sample, State, first_state, flatten, recorded_cores
from nirdynap.sim.protocol import Progress, Record, Recording
from nirdynap.sim.stimulus import COUNT_MAX, Stimulus
from nirdynap.sim.ticks import step_ticks


@final
class ClockedSimulator:
    """A `Simulator` that runs in time steps.

    Args:
        spec: what to run.
        saturate: hold membranes in the chip's 16 bits; without it they have 32 (sinabs' model).
        spikes_per_step: "many" or "one" spike of a neuron in a time step; default: as the spec says.
        threads: how many samples of a batch run side by side; default: as many as the machine has cores.

    Raises:
        InputError: ND507 for an unknown option, ND513 for what is no Spec.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        saturate: bool = True,
        spikes_per_step: SpikesPerStep | None = None,
        threads: int | None = None,
    ) -> None:
        check_coherent(spec)
        raise_errors([*clocked_findings(saturate, spikes_per_step), *check_threads(threads)], InputError)
        self._spec = spec
        self._saturate = bool(saturate)
        self._many = (spikes_per_step or spec.spikes_per_step) == "many"
        self._threads = threads
        self._state: State | None = None
        self._ended = 0

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
        """One more recording or batch, as in `Simulator.run`. Event lists are binned; each sample ends with its own.

        Raises:
            InputError: as `Simulator.run`; ND507 if the run before, whose states are kept, ended within a time step.
        """
        raise_errors([*check_record(record), *self._ended_findings(dt_us)], InputError)
        stimuli = read_inputs(self._spec, recording, dt_us=dt_us, duration_us=duration_us)
        for s in stimuli:
            check_steps(s.steps, s.t)
        state = first_state(self._spec, len(stimuli), np.int32, self._state)
        raise_errors(check_batch(len(stimuli), len(state.membranes)), InputError)
        raw, self._state = self._run_samples(stimuli, state, record == "all", dt_us, progress)
        self._ended = duration_us or 0
        clock = self._spec.slow_clock
        ticks = None if clock is None else tuple(step_ticks(clock, s, dt_us) for s in stimuli)
        return assemble(self._spec, "clocked", stimuli, raw, record=record, dt_us=dt_us, ticks=ticks)

    def _run_samples(
        self, stimuli: tuple[Stimulus, ...], state: State, record_all: bool, dt_us: int, progress: Progress | None
    ) -> tuple[Raw, State]:
        membranes, phases = state.membranes, state.phases
        counts = np.zeros(membranes.shape, dtype=np.int64)
        saturated = np.zeros(phases.shape, dtype=np.int64)

        def one(i: int) -> IntArray:
            out = Sample(membranes[i], phases[i], counts[i], saturated[i])
            rows = self._vectors(stimuli[i], dt_us, record_all, out)
            rows = self._plain(stimuli[i], dt_us, record_all, out) if rows is None else rows
            rows[:, 0] *= dt_us
            return rows

        raw = Raw(
            records=tuple(each_sample(one, len(stimuli), self._threads, progress)),
            membranes=membranes,
            width=np.int16 if self._saturate else np.int32,
            counts=counts,
            saturated=saturated.sum(axis=0),
            steps=max(s.steps for s in stimuli),
        )
        return raw, State(membranes=membranes, phases=phases)

    def _vectors(self, s: Stimulus, dt_us: int, record_all: bool, out: Sample) -> IntArray | None:
        """One sample by the vector kernels; None where they decline, and then nothing was written."""
        fits = self._saturate or (out.membranes.min() >= INT16_MIN and out.membranes.max() <= INT16_MAX)
        if instruction_set() == "plain" or not fits:
            return None
        recorded = recorded_cores(self._spec, record_all=record_all)
        kernels = load_kernels("steps")
        net, inputs = lay_out(self._spec), inputs_of(s, self._spec.port_shape)
        grid = kernels.Grid(s.t, dt_us, s.steps)
        fine, rows = kernels.run_steps(net, recorded, inputs, grid, self._many, self._saturate, out)
        return rows if fine else None

    def _plain(self, s: Stimulus, dt_us: int, record_all: bool, out: Sample) -> IntArray:
        """One sample by the plain kernels."""
        starts = np.searchsorted(s.t, np.arange(s.steps + 1) * dt_us)
        net = flatten(self._spec, record_all=record_all)
        overflow = np.array([-1, 0], dtype=np.int64)
        kernels = load_kernels("plain")
        addresses = (a.astype(np.int64) for a in (s.c, s.y, s.x, s.count))
        rows: IntArray = kernels.run_steps(net, starts, *addresses, self._many, self._saturate, overflow, out)
        raise_errors(self._overflow_findings(overflow), InputError)
        return rows

    def _ended_findings(self, dt_us: int) -> Iterator[Diagnostic]:
        """The rest of a time step has been simulated as if nothing came in it, and cannot be simulated again."""
        if self._state is not None and is_positive(dt_us) and self._ended % dt_us:
            limit = f"a multiple of dt_us = {dt_us} in each run but the last, or reset_states() in between"
            yield BAD_RUN_OPTION.at("$.duration_us", parameter="duration_us", value=self._ended, limit=limit)

    def _overflow_findings(self, overflow: IntArray) -> Iterator[Diagnostic]:
        index, value = (int(n) for n in overflow)
        if index >= 0:
            core = self._spec.cores[index]
            yield BEYOND_INT32.at(f"$.cores.{core.core}", value=value, limit=COUNT_MAX, core=core.core)


def clocked_findings(saturate: object, spikes_per_step: object) -> Iterator[Diagnostic]:
    """What is wrong with the options of a clocked run."""
    yield from check_choice("saturate", saturate, (True, False))
    yield from check_choice("spikes_per_step", spikes_per_step, (None, "one", "many"))
