"""The event run of layers: on whole numbers that of the simulator, event by event."""

import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from spec_layers import in_floats, int_layers

import nirdynap
from nirdynap.calibrate.float_events import external, run_network
from nirdynap.sim.stimulus import read_recording
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.strategies import events, specs

PROPERTY = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
PERIOD = 700
SPECS = specs(initial_states=False, decimators=True, max_spikes=None)


def spikes(layers, spec, recording, emission):
    """Of each layer the times and neurons of its spikes."""
    stimulus = read_recording(recording, spec.input_shape, dt_us=1000, duration_us=None)[0]
    sample = external(stimulus, np.arange(PERIOD, stimulus.end_us + 1, PERIOD))
    return [
        (recording.t[found.event].tolist(), found.neuron.tolist())
        for found in run_network(layers, sample, emission=emission)
    ]


def simulated(spec, recording, emission, order="breadth"):
    result = nirdynap.simulate(
        spec, recording, "event", order=order, emission=emission, bias_clock_us=PERIOD, record="all"
    )
    found = [result.spikes[core.core][0] for core in spec.cores]
    neurons = [np.ravel_multi_index((e.c, e.y, e.x), c.neuron_shape) for e, c in zip(found, spec.cores, strict=True)]
    saturated = sum(stats.saturated for stats in result.stats.values())
    return [(e.t.tolist(), n.tolist()) for e, n in zip(found, neurons, strict=True)], saturated


@PROPERTY
@given(spec=SPECS, data=st.data(), emission=st.sampled_from(["raster", "channel"]))
def test_layers_in_integers_do_what_the_simulator_says_event_by_event(spec, data, emission):
    recording = data.draw(events(spec))
    assert spikes(int_layers(spec), spec, recording, emission) == simulated(spec, recording, emission)[0]


@PROPERTY
@given(spec=SPECS, data=st.data(), emission=st.sampled_from(["raster", "channel"]))
def test_layers_in_floats_that_are_whole_do_so_where_nothing_saturates(spec, data, emission):
    recording = data.draw(events(spec))
    expected, saturated = simulated(spec, recording, emission)
    assume(saturated == 0)
    assert spikes([in_floats(layer) for layer in int_layers(spec)], spec, recording, emission) == expected


@PROPERTY
@given(spec=specs(initial_states=False, chains=True, max_spikes=None), data=st.data())
def test_in_a_chain_this_is_the_order_of_the_chip(spec, data):
    recording = data.draw(events(spec))
    assert spikes(int_layers(spec), spec, recording, "raster") == simulated(spec, recording, "raster", "depth")[0]


@PROPERTY
@given(spec=SPECS, data=st.data())
def test_a_tie_that_waits_is_a_threshold_one_higher_where_reset_is_to_zero(spec, data):
    recording = data.draw(events(spec))
    layers = [dataclasses.replace(layer, return_to_zero=True) for layer in int_layers(spec)]
    waits = [in_floats(layer, "waits" if layer.threshold_high > 1 else "fires") for layer in layers]
    fires = [in_floats(layer) for layer in layers]
    assert spikes(waits, spec, recording, "raster") == spikes(fires, spec, recording, "raster")


@pytest.mark.parametrize(("v_min", "spike_times"), [(None, []), (-1.0, [3])])
def test_a_lower_bound_forgets_what_lies_below(v_min, spike_times):
    spec = build_spec(build_core(0, [[[[-3]], [[1]]]], (2, 1, 1), threshold_high=2))
    layer = dataclasses.replace(in_floats(int_layers(spec)[0]), v_min=v_min)
    recording = nirdynap.Events(t=[0, 1, 2, 3], c=[0, 1, 1, 1], y=[0] * 4, x=[0] * 4)
    assert spikes([layer], spec, recording, "raster")[0][0] == spike_times
