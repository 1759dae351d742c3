"""What must stay equal when the question is put differently."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nirdynap.ir.events import Events
from nirdynap.sim import ClockedSimulator, EventSimulator, simulate
from nirdynap.testing.conformance import assert_same_result
from nirdynap.testing.strategies import events, rasters, specs

PROPERTY = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


def cut(recording, start, stop):
    """The events from start up to stop, in time from start on."""
    kept = (recording.t >= start) & (recording.t < stop)
    return Events(t=recording.t[kept] - start, c=recording.c[kept], y=recording.y[kept], x=recording.x[kept])


def joined(first, second, later):
    return Events(
        t=np.concatenate([first.t, second.t + later]),
        **{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in ("c", "y", "x")},
    )


@PROPERTY
@given(st.data())
def test_in_a_chain_depth_and_breadth_give_one_event_list(data):
    spec = data.draw(specs(chains=True, min_cores=2, decimators=True, max_spikes=None))
    recording = data.draw(events(spec))
    depth, breadth = (
        simulate(spec, recording, "event", order=order, record="all", bias_clock_us=900)
        for order in ("depth", "breadth")
    )
    assert_same_result(depth, breadth)


@PROPERTY
@given(st.data())
def test_two_halves_of_a_raster_are_the_whole(data):
    spec = data.draw(specs(decimators=True))
    raster = data.draw(rasters(spec, min_steps=1))
    middle = data.draw(st.integers(0, len(raster)))
    simulator = ClockedSimulator(spec)
    whole = simulator.run(raster)
    simulator.reset_states()
    first, second = simulator.run(raster[:middle]), simulator.run(raster[middle:])
    for core in spec.cores:
        np.testing.assert_array_equal(second.membranes[core.core], whole.membranes[core.core])
        np.testing.assert_array_equal(first.counts[core.core] + second.counts[core.core], whole.counts[core.core])
    for name, counts in whole.output_rasters.items():
        halves = [first.output_rasters[name], second.output_rasters[name]]
        np.testing.assert_array_equal(np.concatenate(halves), counts)


@PROPERTY
@given(st.data())
def test_two_halves_of_a_recording_are_the_whole(data):
    spec = data.draw(specs(decimators=True, max_spikes=None))
    # A tick at the cut comes after the whole's events of that time, but before the second half's.
    recording = data.draw(events(spec).filter(lambda e: not np.any((e.t % 2000 == 0) & (e.t > 0))))
    order = data.draw(st.sampled_from(["depth", "breadth"]))
    simulator = EventSimulator(spec, bias_clock_us=1000, order=order)
    whole = simulator.run(recording, duration_us=40_000)
    simulator.reset_states()
    first = simulator.run(cut(recording, 0, 2000), duration_us=2000)
    second = simulator.run(cut(recording, 2000, 40_000), duration_us=38_000)
    for core in spec.cores:
        np.testing.assert_array_equal(second.membranes[core.core], whole.membranes[core.core])
        np.testing.assert_array_equal(first.counts[core.core] + second.counts[core.core], whole.counts[core.core])
    for name, (listed,) in whole.output_events.items():
        assert joined(first.output_events[name][0], second.output_events[name][0], 2000) == listed


@PROPERTY
@given(st.data())
def test_small_positive_weights_spike_as_often_in_steps_as_event_by_event(data):
    # Every update then leaves less than a threshold, so both runs have fired floor(sum / threshold) times.
    drawn = data.draw(specs(biases=False, initial_states=False))
    cores = []
    for core in drawn.cores:
        weights = np.abs(core.weights.astype(int)).clip(max=min(127, core.threshold_high))
        cores.append(replace(core, weights=weights.astype(np.int8), return_to_zero=False))
    spec = replace(drawn, cores=tuple(cores), spikes_per_step="many")
    raster = data.draw(rasters(spec))
    clocked, event = simulate(spec, raster, saturate=False), simulate(spec, raster, "event")
    assert clocked.stats == event.stats
    for core in spec.cores:
        np.testing.assert_array_equal(clocked.counts[core.core], event.counts[core.core])
        np.testing.assert_array_equal(clocked.membranes[core.core], event.membranes[core.core])


@pytest.mark.parametrize("make", [ClockedSimulator, EventSimulator])
@PROPERTY
@given(data=st.data())
def test_reset_forgets_everything(make, data):
    spec = data.draw(specs(biases=False, decimators=True))
    raster = data.draw(rasters(spec))
    simulator = make(spec)
    first = simulator.run(raster)
    simulator.reset_states()
    assert_same_result(simulator.run(raster), first)
