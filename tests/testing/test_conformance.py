"""The suite catches a simulator that is wrong in one thing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.conformance import (
    ClockedConformance,
    EventConformance,
    assert_same_result,
    clocked_cases,
    event_cases,
)


class Deaf(ClockedConformance):
    """Takes one spike per address and step."""

    def run(self, spec, raster, *, saturate, spikes_per_step):
        return oracle.clocked(
            spec, np.minimum(raster, 1), saturate=saturate, spikes_per_step=spikes_per_step, record="all"
        )


class Hasty(EventConformance):
    """Knows one order only."""

    def run(self, spec, recording, *, order, emission, bias_clock_us, duration_us):
        return oracle.event(
            spec,
            recording,
            order=order,
            emission="raster",
            bias_clock_us=bias_clock_us,
            duration_us=duration_us,
            record="all",
        )


@pytest.mark.parametrize(("suite", "cases"), [(Deaf, clocked_cases()), (Hasty, event_cases())])
def test_a_wrong_simulator_fails(suite, cases):
    inner = suite.test_equals_the_oracle.hypothesis.inner_test

    # As the suite does it, but content with any failing example.
    @settings(max_examples=500, phases=[Phase.generate], report_multiple_bugs=False, database=None, deadline=None)
    @given(cases)
    def run(case):
        inner(suite(), case)

    with pytest.raises(AssertionError):
        run()


@pytest.mark.parametrize("suite", [ClockedConformance, EventConformance])
def test_the_hook_must_be_given(suite):
    with pytest.raises(TypeError, match="abstract"):
        suite()


@pytest.mark.parametrize(
    "change",
    [
        lambda r: {"membranes": {0: r.membranes[0] + np.int16(1)}},
        lambda r: {"membranes": {0: r.membranes[0].astype(np.int32)}},
        lambda r: {"counts": {}},
        lambda r: {"stats": {0: replace(r.stats[0], dropped=1)}},
        lambda r: {"dt_us": 999},
        lambda r: {"output_events": {"out0": ()}},
    ],
)
def test_any_difference_is_told(change):
    result = oracle.clocked(build_spec(build_core(0, [[[[1]]]], (1, 1, 1))), np.ones((2, 1, 1, 1)))
    assert_same_result(result, result)
    with pytest.raises(AssertionError):
        assert_same_result(replace(result, **change(result)), result)
