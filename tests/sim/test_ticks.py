"""When the slow clock of a spec ticks, and who has the last word."""

from dataclasses import replace

import numpy as np
import pytest

from nirdynap.errors import InputError
from nirdynap.ir.clock import ExternalClock, InternalClock, external_ticks, internal_ticks
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.events import Events
from nirdynap.sim import simulate
from nirdynap.testing.build import build_core, build_spec

OFF_ONLY = DvsLayer(
    polarity="off",
    merge=True,
    pooling=(1, 1),
    origin=(0, 0),
    size=(1, 1),
    mirror_y=False,
    mirror_x=False,
    mirror_diagonal=False,
    pass_sensor_events=True,
)


def leaky(clock, dvs=None):
    """One neuron, 100 for each spike and -1 for each tick."""
    core = build_core(0, [[[[100]]]], (1, 1, 1), threshold_high=10_000, bias=[-1])
    return replace(build_spec(core), slow_clock=clock, dvs=dvs, input_shape=(1, 1, 1) if dvs is None else (2, 1, 2))


def membrane(spec, recording, **options):
    return simulate(spec, recording, "event", **options).membranes[0].item()


def at(*times, c=0, x=0):
    return Events(t=times, c=[c] * len(times), y=[0] * len(times), x=[x] * len(times))


def test_moments_of_an_external_clock():
    assert external_ticks(ExternalClock(hz=1000), 3000).tolist() == [1000, 2000, 3000]
    assert external_ticks(ExternalClock(hz=300), 10_000).tolist() == [3333, 6666, 10_000]
    assert external_ticks(ExternalClock(hz=10), 99_999).tolist() == []


def test_moments_of_the_internal_clock():
    t, one = np.array([1, 2, 2, 5, 9]), np.ones(5, dtype=np.int64)
    assert internal_ticks(InternalClock(divider=1), t, one).tolist() == [2, 5]
    assert internal_ticks(InternalClock(divider=0), t, one).tolist() == t.tolist()
    assert internal_ticks(InternalClock(divider=3), t, one).tolist() == []
    assert internal_ticks(InternalClock(divider=1), t[:2], np.array([1, 5])).tolist() == [2, 2, 2]
    assert internal_ticks(ExternalClock(hz=10), t, one).tolist() == internal_ticks(None, t[:0], one[:0]).tolist() == []


def test_the_spec_has_a_clock_and_a_run_may_have_another():
    spec = leaky(ExternalClock(hz=1000))
    assert membrane(spec, at(0, 5000)) == 195
    assert membrane(spec, at(0, 5000), bias_clock_us=2500) == 198
    with pytest.raises(InputError, match="ND506"):
        simulate(replace(spec, slow_clock=None), at(0), "event")


def test_the_clocked_run_has_its_steps_instead():
    raster = np.zeros((10, 1, 1, 1))
    assert simulate(leaky(ExternalClock(hz=10)), raster).membranes[0].item() == -10


def test_the_camera_counts_what_the_network_never_sees():
    """Four events, of which one is of the right polarity and place, make two ticks."""
    events = Events(t=[1, 2, 3, 4], c=[1, 0, 0, 1], y=[0] * 4, x=[0, 0, 1, 1])
    spec = leaky(InternalClock(divider=1), OFF_ONLY)
    result = simulate(spec, events, "event")
    assert (result.membranes[0].item(), result.dvs_dropped) == (98, 3)
    assert membrane(spec, [events, events[:3]][1]) == 99


def test_a_tick_comes_behind_the_events_of_its_time():
    """The neuron fires at 100 in the second event of the time; the tick before it would have kept it below."""
    core = build_core(0, [[[[50]]]], (1, 1, 1), threshold_high=100, bias=[-1])
    spec = replace(build_spec(core), slow_clock=InternalClock(divider=0), dvs=OFF_ONLY, input_shape=(2, 1, 2))
    assert len(simulate(spec, at(7, 7), "event").events) == 1
    assert len(simulate(spec, at(7, 8), "event").events) == 0
