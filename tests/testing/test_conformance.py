"""The suites catch a simulator that is wrong in one thing, and say what is wrong with it."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, settings

from nirdynap.testing import (
    Abilities,
    ClockedConformance,
    EventConformance,
    SimulatorConformance,
    assert_same_result,
    build_core,
    build_spec,
    conformance,
    oracle,
)


class Deaf(ClockedConformance):
    """Takes one spike per address and step."""

    def run_clocked(self, spec, raster, *, saturate, spikes_per_step):
        return oracle.clocked(
            spec, np.minimum(raster, 1), saturate=saturate, spikes_per_step=spikes_per_step, record="all"
        )


class Hasty(EventConformance):
    """Knows one order only."""

    max_examples = 500

    def run_event(self, spec, recording, *, order, emission, bias_clock_us, duration_us):
        return oracle.event(
            spec,
            recording,
            order=order,
            emission="raster",
            bias_clock_us=bias_clock_us,
            duration_us=duration_us,
            record="all",
        )


class Modest(SimulatorConformance):
    """Tells the spikes of its cores and nothing else, and knows little."""

    max_examples = 30
    abilities = Abilities(
        branches=False,
        biases=False,
        initial_states=False,
        oblong_kernels=False,
        decimators=False,
        dvs=False,
        saturate=(True,),
        orders=("depth",),
        emissions=("raster",),
    )

    def run_clocked(self, spec, raster, *, saturate, spikes_per_step):
        assert saturate
        self.look(spec)
        return oracle.clocked(spec, raster, spikes_per_step=spikes_per_step, record="all").rasters

    def run_event(self, spec, recording, *, order, emission, bias_clock_us, duration_us):
        assert (order, emission) == ("depth", "raster")
        self.look(spec)
        return oracle.event(spec, recording, record="all").spikes

    def look(self, spec):
        assert (len(spec.inputs), len(spec.outputs), spec.dvs) == (1, 1, None)
        for core in spec.cores:
            assert (core.bias, core.initial_state, core.decimator) == (None, None, 1)
            assert core.weights.shape[2] == core.weights.shape[3]


class TestModest(Modest):
    pass


def test_a_simulator_that_hears_one_spike_of_many():
    with pytest.raises(AssertionError) as caught:
        Deaf().test_clocked_run_equals_the_oracle()
    told = str(caught.value)
    assert re.search(r"spec of \d layers?, input", told), told
    # Nearly always the smallest there is: one step and sample, two spikes, a weight of 1. But shrinking may end before.
    found = r"input of \d+ steps, \d+ sample\(s\): \d+ in step \d+ of sample \d+ at \(c, y, x\) = "
    assert re.search(found, told), told


def test_a_simulator_with_one_order(monkeypatch):
    unshrunk = settings(conformance._SETTINGS, phases=[Phase.generate])  # which would take half a minute
    monkeypatch.setattr(conformance, "_SETTINGS", unshrunk)
    with pytest.raises(AssertionError, match=r"the run differs from the oracle's: spikes\[\d\] of sample 0: event"):
        Hasty().test_event_run_equals_the_oracle()


def test_spikes_alone_are_compared_too():
    class Silent(Modest):
        def run_clocked(self, spec, raster, **options):
            return {core: 0 * counts for core, counts in super().run_clocked(spec, raster, **options).items()}

    with pytest.raises(AssertionError, match=r"spikes\[0\] at \(step, sample, c, y, x\) = .* is 0, expected [1-9]"):
        Silent().test_clocked_run_equals_the_oracle()


@pytest.mark.parametrize("suite", [ClockedConformance, EventConformance, SimulatorConformance])
def test_the_hooks_must_be_given(suite):
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
