"""What every simulator must pass: equality with `testing.oracle`, bit for bit.

A simulator's test module inherits the suite and says how its simulator is run:

    class TestMine(SimulatorConformance):
        def run_clocked(self, spec, raster, *, saturate, spikes_per_step):
            return my_time_steps(spec, raster, ...)

        def run_event(self, spec, recording, *, order, emission, bias_clock_us, duration_us):
            return my_event_queue(spec, recording, ...)

A simulator that has one of the two runs inherits `ClockedConformance` or `EventConformance`. What it does not know
(branches, biases, ...) is said in `abilities`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.events import Events
from nirdynap.ir.result import Result
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray
from nirdynap.testing import oracle
from nirdynap.testing.same import assert_same_result, same_arrays, same_events
from nirdynap.testing.strategies import events, rasters, specs
from nirdynap.testing.telling import told_events, told_raster, told_spec

_Run = TypeVar("_Run")

# One small example of what is wrong is worth more than several; lines of this kit explain nothing to its user.
_SETTINGS = settings(
    deadline=None,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Draw = Callable[[st.SearchStrategy[Any]], Any]

ClockedRun: TypeAlias = Result | Mapping[int, IntArray]
"""A result that recorded everything, or no more than the counts of each core [time, batch, c, y, x], by its index."""

EventRun: TypeAlias = Result | Mapping[int, Sequence[Events]]
"""A result that recorded everything, or no more than the spikes of each core, one Events for each sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a simulator knows: nothing else is drawn for it.

    Attributes:
        branches: several inputs, outputs and destinations, and cores with several sources; else chains alone.
        biases, initial_states: of cores.
        oblong_kernels: with unequal sides. No chip has them.
        decimators: cores that pass each Nth spike.
        dvs: a DVS layer in front of the cores, and a slow clock, which may count what the camera makes.
        saturate: choices of that option of clocked runs.
        orders, emissions: choices of these options of event runs.
    """

    branches: bool = True
    biases: bool = True
    initial_states: bool = True
    oblong_kernels: bool = True
    decimators: bool = True
    dvs: bool = True
    saturate: tuple[bool, ...] = (True, False)
    orders: tuple[Literal["depth", "breadth"], ...] = ("depth", "breadth")
    emissions: tuple[Literal["raster", "channel"], ...] = ("raster", "channel")


EVERYTHING = Abilities()
_CLOCKS = (None, *(InternalClock(divider=n) for n in range(4)), *(ExternalClock(hz=n) for n in (300, 1000, 7777)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockedCase:
    """A clocked run: a spec, counts [time, batch, channel, y, x], and the options of a clocked simulator."""

    spec: Spec
    raster: IntArray
    saturate: bool
    spikes_per_step: SpikesPerStep | None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("<see above>")  # where Hypothesis shows it

    def __str__(self) -> str:
        options = f"saturate={self.saturate}, spikes_per_step={self.spikes_per_step!r}"
        return f"{told_spec(self.spec)}\n{told_raster(self.raster)}\noptions: {options}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCase:
    """An event run: a spec, a batch of recordings, and the options of an event simulator."""

    spec: Spec
    recording: Sequence[Events]
    order: Literal["depth", "breadth"]
    emission: Literal["raster", "channel"]
    bias_clock_us: int | None
    duration_us: int | None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("<see above>")  # where Hypothesis shows it

    def __str__(self) -> str:
        names = ("order", "emission", "bias_clock_us", "duration_us")
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{told_spec(self.spec)}\n{told_events(self.recording)}\noptions: {options}"


def _specs(known: Abilities, decimators: bool, dvs: bool, max_spikes: int | None) -> st.SearchStrategy[Spec]:
    """Where there are no decimators, kernels are not all square."""
    drawn = specs(
        chains=not known.branches,
        square_kernels=decimators or not known.oblong_kernels,
        biases=known.biases,
        initial_states=known.initial_states,
        decimators=decimators,
        dvs=dvs,
        max_spikes=max_spikes,
    )
    if not dvs:
        return drawn
    return st.builds(lambda spec, clock: replace(spec, slow_clock=clock), drawn, st.sampled_from(_CLOCKS))


@st.composite
def clocked_cases(
    draw: Draw, known: Abilities = EVERYTHING, *, decimators: bool = False, dvs: bool = False
) -> ClockedCase:
    """What a clocked simulator is run on."""
    spec = draw(_specs(known, decimators, dvs, 200))
    return ClockedCase(
        spec=spec,
        raster=draw(
            rasters(spec, min_steps=draw(st.sampled_from([1, 0])), max_count=draw(st.sampled_from([3, 1, 12])))
        ),
        saturate=draw(st.sampled_from(known.saturate)),
        spikes_per_step=draw(st.sampled_from([None, "one", "many"])),
    )


@st.composite
def event_cases(draw: Draw, known: Abilities = EVERYTHING, *, decimators: bool = False, dvs: bool = False) -> EventCase:
    """What an event simulator is run on."""
    spec = draw(_specs(known, decimators, dvs, None))
    recording = draw(st.lists(events(spec), min_size=1, max_size=2))
    clock = st.integers(100, 2000)
    if stamps := sorted({t for e in recording for t in e.t.tolist() if 100 <= t <= 2000}):
        clock |= st.sampled_from(stamps)  # a tick comes behind the events of its own time
    needed = spec.slow_clock is None and any(core.bias is not None for core in spec.cores)
    last = max((int(e.t[-1]) for e in recording if len(e)), default=0)
    return EventCase(
        spec=spec,
        recording=recording,
        order=draw(st.sampled_from(known.orders)),
        emission=draw(st.sampled_from(known.emissions)),
        bias_clock_us=draw(clock if needed else st.none() | clock),
        duration_us=draw(st.none() | st.integers(last + 1, last + 5000)),
    )


class _Conformance(ABC):  # noqa: B024  the two halves have the abstract methods
    """What both halves share.

    Attributes:
        abilities: what the simulator knows.
        max_examples: how many networks each property is tried on.
    """

    abilities: ClassVar[Abilities] = EVERYTHING
    max_examples: ClassVar[int] = 80

    def _for_all(self, cases: st.SearchStrategy[Any], compare: Callable[[Any], None]) -> None:
        @settings(_SETTINGS, max_examples=self.max_examples)
        @given(cases)
        def property_holds(case: Any) -> None:
            compare(case)

        property_holds()

    def _need(self, ability: str) -> None:
        if not getattr(self.abilities, ability):
            pytest.skip(f"abilities: {ability}=False")


class ClockedConformance(_Conformance):
    """Clocked runs equal the oracle's: outputs, rasters, counts, membranes and stats."""

    @abstractmethod
    def run_clocked(
        self, spec: Spec, raster: IntArray, *, saturate: bool, spikes_per_step: SpikesPerStep | None
    ) -> ClockedRun:
        """A run from fresh states, with steps of 1000 us.

        Args:
            spec: what to run.
            raster: counts [time, batch, channel, y, x].
            saturate, spikes_per_step: as in `nirdynap.simulate`.

        Returns:
            A `Result` with record="all", or the spikes of each core: {index: counts [time, batch, c, y, x]}.
        """

    def test_clocked_run_equals_the_oracle(self) -> None:
        self._for_all(clocked_cases(self.abilities), self._compare_clocked)

    def test_clocked_run_with_decimators_equals_the_oracle(self) -> None:
        self._need("decimators")
        self._for_all(clocked_cases(self.abilities, decimators=True), self._compare_clocked)

    def test_clocked_run_behind_a_dvs_layer_equals_the_oracle(self) -> None:
        self._need("dvs")
        self._for_all(clocked_cases(self.abilities, dvs=True), self._compare_clocked)

    def _compare_clocked(self, case: ClockedCase) -> None:
        options: dict[str, Any] = {"saturate": case.saturate, "spikes_per_step": case.spikes_per_step}
        actual = _run(partial(self.run_clocked, case.spec, case.raster, **options), case)
        expected = oracle.clocked(case.spec, case.raster, record="all", **options)
        if not isinstance(actual, Result):
            actual = {core: np.asarray(counts) for core, counts in actual.items()}
        _assert_same(actual, expected, expected.rasters, case)


class EventConformance(_Conformance):
    """Event runs equal the oracle's: event lists with their order, counts, membranes and stats."""

    @abstractmethod
    def run_event(
        self,
        spec: Spec,
        recording: Sequence[Events],
        *,
        order: Literal["depth", "breadth"],
        emission: Literal["raster", "channel"],
        bias_clock_us: int | None,
        duration_us: int | None,
    ) -> EventRun:
        """A run from fresh states, with steps of 1000 us.

        Args:
            spec: what to run.
            recording: one Events for each sample.
            order, emission, bias_clock_us, duration_us: as in `nirdynap.simulate`.

        Returns:
            A `Result` with record="all", or the spikes of each core: {index: one Events for each sample}.
        """

    def test_event_run_equals_the_oracle(self) -> None:
        self._for_all(event_cases(self.abilities), self._compare_event)

    def test_event_run_with_decimators_equals_the_oracle(self) -> None:
        self._need("decimators")
        self._for_all(event_cases(self.abilities, decimators=True), self._compare_event)

    def test_event_run_behind_a_dvs_layer_equals_the_oracle(self) -> None:
        self._need("dvs")
        self._for_all(event_cases(self.abilities, dvs=True), self._compare_event)

    def _compare_event(self, case: EventCase) -> None:
        options: dict[str, Any] = {
            "order": case.order,
            "emission": case.emission,
            "bias_clock_us": case.bias_clock_us,
            "duration_us": case.duration_us,
        }
        actual = _run(partial(self.run_event, case.spec, case.recording, **options), case)
        expected = oracle.event(case.spec, case.recording, record="all", **options)
        _assert_same(actual, expected, expected.spikes, case)


class SimulatorConformance(ClockedConformance, EventConformance):
    """Both runs of a simulator equal the oracle's. A subclass gives `run_clocked` and `run_event`.

    A failure shows the smallest example: the layers of the spec, the input spikes, and what differs.
    """


def _run(simulator: Callable[[], _Run], case: ClockedCase | EventCase) -> _Run:
    try:
        return simulator()
    except HypothesisException:  # says that this case is not to be looked at
        raise
    except Exception as error:
        raise AssertionError(f"the simulator raises {type(error).__name__}: {error}\n{case}") from error


def _assert_same(
    actual: Result | Mapping[int, Any], expected: Result, spikes: Mapping[int, Any], case: ClockedCase | EventCase
) -> None:
    try:
        if isinstance(actual, Result):
            assert_same_result(actual, expected)
        else:
            (same_arrays if isinstance(case, ClockedCase) else same_events)(actual, spikes, "spikes")
    except AssertionError as error:
        raise AssertionError(f"the run differs from the oracle's: {error}\n{case}") from None
