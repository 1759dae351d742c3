"""What reaches the cores through a DVS layer."""

import dataclasses
import itertools

import numpy as np
import pytest

from nirdynap.errors import InputError
from nirdynap.ir.clock import InternalClock
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.events import Events
from nirdynap.ir.spec import InputPort
from nirdynap.sim import simulate
from nirdynap.sim.inputs import read_inputs
from nirdynap.testing.build import build_core, build_spec

LAYER = DvsLayer(
    polarity="both",
    merge=False,
    pooling=(2, 4),
    origin=(3, 1),
    size=(4, 5),
    mirror_y=True,
    mirror_x=False,
    mirror_diagonal=True,
    pass_sensor_events=True,
)
RELAY = build_core(3, np.eye(2)[:, :, None, None], (2, 5, 4))  # sends on all that it gets
CAMERA = dataclasses.replace(build_spec(RELAY), input_shape=(2, 128, 128), dvs=LAYER)


def recording(n=4000):
    rng = np.random.default_rng(5)
    p, y, x = rng.integers(0, 2, n), rng.integers(0, 24, n), rng.integers(0, 32, n)
    return Events(t=np.sort(rng.integers(0, 20_000, n)), c=p, y=y, x=x)


def by_hand(events):
    y, x = events.y // 2 - 3, events.x // 4 - 1
    kept = (y >= 0) & (y < 4) & (x >= 0) & (x < 5)
    return Events(t=events.t[kept], c=events.c[kept], y=x[kept], x=(3 - y)[kept])


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_the_core_gets_what_numpy_says(semantics):
    events = recording()
    expected = by_hand(events)
    result = simulate(CAMERA, events, semantics)
    np.testing.assert_array_equal(result.raster[:, 0], expected.to_raster((2, 5, 4)))
    if semantics == "event":
        assert result.events == expected
    assert result.dvs_dropped == len(events) - len(expected) > 0
    assert f"{result.dvs_dropped} events dropped by the DVS layer" in repr(result)
    assert result.stats[3].dropped == 0


@pytest.mark.parametrize("polarity", ["both", "on", "off"])
@pytest.mark.parametrize("merge", [False, True])
def test_every_combination_at_two_cores(polarity, merge):
    """Poolings, mirrors and diagonal, in an event run: a picture of all pooled pixels, cut and turned, tells where."""
    events = recording(400)
    for py, px, mirror_y, mirror_x, diagonal in itertools.product((1, 2, 4), (1, 2, 4), *[(False, True)] * 3):
        picture = np.arange((24 // py) * (32 // px)).reshape(24 // py, 32 // px)
        region = picture[1:6, 2:8][:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
        region = region.T if diagonal else region
        seen = picture[events.y // py, events.x // px]
        kept = np.isin(seen, region) & (np.full(400, True) if polarity == "both" else events.c == (polarity == "on"))
        y, x = np.unravel_index([int(np.flatnonzero(region.ravel() == pixel)[0]) for pixel in seen[kept]], region.shape)
        layer = dataclasses.replace(
            LAYER,
            polarity=polarity,
            merge=merge,
            pooling=(py, px),
            origin=(1, 2),
            size=(5, 6),
            mirror_y=mirror_y,
            mirror_x=mirror_x,
            mirror_diagonal=diagonal,
        )
        relays = [build_core(i, np.eye(2 - merge)[:, :, None, None], (2 - merge, *region.shape)) for i in (3, 7)]
        ports = [InputPort(7, 0), InputPort(3, 0)]
        spec = dataclasses.replace(build_spec(*relays, inputs=ports), input_shape=(2, 128, 128), dvs=layer)
        result = simulate(spec, events, "event", record="all")
        expected = Events(t=events.t[kept], c=events.c[kept] * (not merge), y=y, x=x)
        assert result.spikes[3][0] == result.spikes[7][0] == expected
        assert result.dvs_dropped == 400 - kept.sum() > 0


def test_a_raster_passes_like_its_events():
    events = recording()
    of_raster = simulate(CAMERA, events.to_raster((2, 128, 128)))
    of_events = simulate(CAMERA, events)
    np.testing.assert_array_equal(of_raster.raster, of_events.raster)
    assert of_raster.dvs_dropped == of_events.dvs_dropped


def test_events_outside_the_camera_are_refused():
    with pytest.raises(InputError, match="ND503"):
        simulate(CAMERA, Events(t=[0], c=[0], y=[128], x=[0]))


def test_pooled_counts_that_no_time_step_can_hold_are_refused():
    raster = np.zeros((2, 2, 128, 128), dtype=np.int64)
    raster[0, 0, 6, 4] = 2**31 - 1
    assert simulate(CAMERA, raster, spikes_per_step="one").dvs_dropped == 0
    raster[1, 0, 7, 5] = 1  # another step
    assert simulate(CAMERA, raster, spikes_per_step="one").dvs_dropped == 0
    raster[0, 0, 7, 5] = 1  # the same window
    with pytest.raises(InputError) as caught:
        simulate(CAMERA, raster)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.place, finding.value, finding.limit) == ("ND509", "$.raster", 2**31, 2**31 - 1)


def test_the_clock_of_the_camera_counts_what_the_layer_drops_too():
    t = np.arange(40) * 10
    clocked = dataclasses.replace(CAMERA, slow_clock=InternalClock(divider=4))
    for recording_ in (Events(t=t, c=t % 2, y=t * 0 + 127, x=t * 0), Events(t=t, c=t % 2, y=t * 0 + 6, x=t * 0 + 4)):
        (stimulus,) = read_inputs(clocked, recording_, dt_us=1000, duration_us=None)
        assert stimulus.camera_ticks.tolist() == [150, 310], "at every 16th event"
    seen_by_none = dataclasses.replace(clocked, dvs=None)
    (stimulus,) = read_inputs(seen_by_none, recording_, dt_us=1000, duration_us=None)
    assert (stimulus.camera_ticks.tolist(), stimulus.dvs_dropped, len(stimulus.t)) == ([150, 310], 0, 40)
    (stimulus,) = read_inputs(CAMERA, recording_, dt_us=1000, duration_us=5500)
    assert (stimulus.camera_ticks.tolist(), stimulus.end_us, stimulus.steps) == ([], 5500, 6)
