"""What every simulator must pass: equality with `testing.oracle`, bit for bit.

A simulator's test module inherits a class and says how its simulator is run:

    class TestMine(ClockedConformance):
        def run(self, spec, raster, *, saturate, spikes_per_step):
            return my_simulator(spec, raster, ...)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.events import Events
from nirdynap.ir.result import Result
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray
from nirdynap.testing import oracle
from nirdynap.testing.strategies import events, rasters, specs

# The same test method runs once for each simulator, which Hypothesis would take for a mistake.
_SETTINGS = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow, HealthCheck.data_too_large],
)


_CLOCKS = (None, *(InternalClock(divider=n) for n in range(4)), *(ExternalClock(hz=n) for n in (300, 1000, 7777)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockedCase:
    """A clocked run: a spec, counts [time, batch, channel, y, x], and the options of a clocked simulator."""

    spec: Spec
    raster: IntArray
    saturate: bool
    spikes_per_step: SpikesPerStep | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCase:
    """An event run: a spec, a batch of recordings, and the options of an event simulator."""

    spec: Spec
    recording: Sequence[Events]
    order: Literal["depth", "breadth"]
    emission: Literal["raster", "channel"]
    bias_clock_us: int | None
    duration_us: int | None


@st.composite
def clocked_cases(
    draw: Callable[[st.SearchStrategy[Any]], Any], *, decimators: bool = False, dvs: bool = False
) -> ClockedCase:
    """What a clocked simulator is run on; where there are no decimators, kernels are not all square."""
    spec = draw(specs(decimators=decimators, square_kernels=decimators, dvs=dvs, max_spikes=200))
    if dvs:
        spec = replace(spec, slow_clock=draw(st.sampled_from(_CLOCKS)))
    return ClockedCase(
        spec=spec,
        raster=draw(
            rasters(spec, min_steps=draw(st.sampled_from([1, 0])), max_count=draw(st.sampled_from([3, 1, 12])))
        ),
        saturate=draw(st.booleans()),
        spikes_per_step=draw(st.sampled_from([None, "one", "many"])),
    )


@st.composite
def event_cases(
    draw: Callable[[st.SearchStrategy[Any]], Any], *, decimators: bool = False, dvs: bool = False
) -> EventCase:
    """What an event simulator is run on; where there are no decimators, kernels are not all square."""
    spec = draw(specs(decimators=decimators, square_kernels=decimators, dvs=dvs, max_spikes=None))
    if dvs:  # the chip's own clock counts what its camera makes
        spec = replace(spec, slow_clock=draw(st.sampled_from(_CLOCKS)))
    recording = draw(st.lists(events(spec), min_size=1, max_size=2))
    clock = st.integers(100, 2000)
    needed = spec.slow_clock is None and any(core.bias is not None for core in spec.cores)
    last = max((int(e.t[-1]) for e in recording if len(e)), default=0)
    return EventCase(
        spec=spec,
        recording=recording,
        order=draw(st.sampled_from(["depth", "breadth"])),
        emission=draw(st.sampled_from(["raster", "channel"])),
        bias_clock_us=draw(clock if needed else st.none() | clock),
        duration_us=draw(st.none() | st.integers(last + 1, last + 5000)),
    )


class ClockedConformance(ABC):
    """Clocked runs equal the oracle's: outputs, rasters, counts, membranes and stats."""

    @abstractmethod
    def run(self, spec: Spec, raster: IntArray, *, saturate: bool, spikes_per_step: SpikesPerStep | None) -> Result:
        """The result of a fresh simulator, with record="all" and steps of 1000 us."""

    @_SETTINGS
    @given(clocked_cases())
    def test_equals_the_oracle(self, case: ClockedCase) -> None:
        self._compare(case)

    @_SETTINGS
    @given(clocked_cases(decimators=True))
    def test_equals_the_oracle_with_decimators(self, case: ClockedCase) -> None:
        self._compare(case)

    @_SETTINGS
    @given(clocked_cases(dvs=True))
    def test_equals_the_oracle_behind_a_dvs_layer(self, case: ClockedCase) -> None:
        self._compare(case)

    def _compare(self, case: ClockedCase) -> None:
        options: dict[str, Any] = {"saturate": case.saturate, "spikes_per_step": case.spikes_per_step}
        actual = self.run(case.spec, case.raster, **options)
        assert_same_result(actual, oracle.clocked(case.spec, case.raster, record="all", **options))


class EventConformance(ABC):
    """Event runs equal the oracle's: event lists with their order, counts, membranes and stats."""

    @abstractmethod
    def run(
        self,
        spec: Spec,
        recording: Sequence[Events],
        *,
        order: Literal["depth", "breadth"],
        emission: Literal["raster", "channel"],
        bias_clock_us: int | None,
        duration_us: int | None,
    ) -> Result:
        """The result of a fresh simulator, with record="all" and steps of 1000 us."""

    @_SETTINGS
    @given(event_cases())
    def test_equals_the_oracle(self, case: EventCase) -> None:
        self._compare(case)

    @_SETTINGS
    @given(event_cases(decimators=True))
    def test_equals_the_oracle_with_decimators(self, case: EventCase) -> None:
        self._compare(case)

    @_SETTINGS
    @given(event_cases(dvs=True))
    def test_equals_the_oracle_behind_a_dvs_layer(self, case: EventCase) -> None:
        self._compare(case)

    def _compare(self, case: EventCase) -> None:
        options: dict[str, Any] = {
            "order": case.order,
            "emission": case.emission,
            "bias_clock_us": case.bias_clock_us,
            "duration_us": case.duration_us,
        }
        actual = self.run(case.spec, case.recording, **options)
        assert_same_result(actual, oracle.event(case.spec, case.recording, record="all", **options))


def assert_same_result(actual: Result, expected: Result) -> None:
    """Fail where two results of the same run differ in a value, an order, a key or a dtype."""
    assert actual.semantics == expected.semantics
    assert actual.dt_us == expected.dt_us
    for name in ("membranes", "counts", "rasters", "output_rasters"):
        _assert_same_arrays(getattr(actual, name), getattr(expected, name), name)
    for name in ("spikes", "output_events"):
        _assert_same_events(getattr(actual, name), getattr(expected, name), name)
    assert dict(actual.stats) == dict(expected.stats)
    assert actual.dvs_dropped == expected.dvs_dropped
    assert [t.tolist() for t in actual.ticks or ()] == [t.tolist() for t in expected.ticks or ()]
    assert (actual.ticks is None) == (expected.ticks is None)


def _assert_same_arrays(actual: Mapping[object, IntArray], expected: Mapping[object, IntArray], name: str) -> None:
    assert actual.keys() == expected.keys(), name
    for key, array in expected.items():
        assert actual[key].dtype == array.dtype, f"{name}[{key}]"
        np.testing.assert_array_equal(actual[key], array, err_msg=f"{name}[{key}]", strict=True)


def _assert_same_events(
    actual: Mapping[object, tuple[Events, ...]], expected: Mapping[object, tuple[Events, ...]], name: str
) -> None:
    assert actual.keys() == expected.keys(), name
    for key, samples in expected.items():
        assert len(actual[key]) == len(samples), f"{name}[{key}]"
        for sample, (a, e) in enumerate(zip(actual[key], samples, strict=True)):
            for field in ("t", "c", "y", "x"):
                place = f"{name}[{key}][{sample}].{field}"
                np.testing.assert_array_equal(getattr(a, field), getattr(e, field), err_msg=place, strict=True)
