"""What every simulator must pass: equality with `testing.oracle`, bit for bit.

A simulator's test module inherits a class and says how its simulator is run:

    class TestMine(ClockedConformance):
        def run(self, spec, raster, *, saturate, spikes_per_step):
            return my_simulator(spec, raster, ...)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


_RATES: st.SearchStrategy[SpikesPerStep | None] = st.sampled_from([None, "one", "many"])
_ORDERS: st.SearchStrategy[Literal["depth", "breadth"]] = st.sampled_from(["depth", "breadth"])
_EMISSIONS: st.SearchStrategy[Literal["raster", "channel"]] = st.sampled_from(["raster", "channel"])


class ClockedConformance(ABC):
    """Clocked runs equal the oracle's: outputs, rasters, counts, membranes and stats."""

    @abstractmethod
    def run(self, spec: Spec, raster: IntArray, *, saturate: bool, spikes_per_step: SpikesPerStep | None) -> Result:
        """The result of a fresh simulator, with record="all" and steps of 1000 us."""

    @_SETTINGS
    @given(st.data())
    def test_equals_the_oracle(self, data: st.DataObject) -> None:
        self._compare(data, data.draw(specs(square_kernels=False)))

    @_SETTINGS
    @given(st.data())
    def test_equals_the_oracle_with_decimators(self, data: st.DataObject) -> None:
        self._compare(data, data.draw(specs(decimators=True)))

    @_SETTINGS
    @given(st.data())
    def test_equals_the_oracle_behind_a_dvs_layer(self, data: st.DataObject) -> None:
        self._compare(data, data.draw(specs(dvs=True)))

    def _compare(self, data: st.DataObject, spec: Spec) -> None:
        raster = data.draw(rasters(spec))
        saturate = data.draw(st.booleans(), label="saturate")
        spikes_per_step = data.draw(_RATES, label="spikes_per_step")
        actual = self.run(spec, raster, saturate=saturate, spikes_per_step=spikes_per_step)
        expected = oracle.clocked(spec, raster, saturate=saturate, spikes_per_step=spikes_per_step, record="all")
        assert_same_result(actual, expected)


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
    @given(st.data())
    def test_equals_the_oracle(self, data: st.DataObject) -> None:
        self._compare(data, data.draw(specs(square_kernels=False, max_spikes=None)))

    @_SETTINGS
    @given(st.data())
    def test_equals_the_oracle_with_decimators(self, data: st.DataObject) -> None:
        self._compare(data, data.draw(specs(decimators=True, max_spikes=None)))

    @_SETTINGS
    @given(st.data())
    def test_equals_the_oracle_behind_a_dvs_layer(self, data: st.DataObject) -> None:
        self._compare(data, data.draw(specs(dvs=True, max_spikes=None)))

    def _compare(self, data: st.DataObject, spec: Spec) -> None:
        recording = data.draw(st.lists(events(spec), min_size=1, max_size=2))
        order = data.draw(_ORDERS, label="order")
        emission = data.draw(_EMISSIONS, label="emission")
        clock = st.integers(100, 2000)
        biased = any(core.bias is not None for core in spec.cores)
        period = data.draw(clock if biased else st.none() | clock, label="bias_clock_us")
        last = max((int(e.t[-1]) for e in recording if len(e)), default=0)
        duration = data.draw(st.none() | st.integers(last + 1, last + 5000), label="duration_us")
        actual = self.run(spec, recording, order=order, emission=emission, bias_clock_us=period, duration_us=duration)
        expected = oracle.event(
            spec,
            recording,
            order=order,
            emission=emission,
            bias_clock_us=period,
            duration_us=duration,
            record="all",
        )
        assert_same_result(actual, expected)


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
