"""Any recording becomes the same few arrays; what is wrong with it is told at once, with the sample that is meant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nirdynap.errors import InputError
from nirdynap.ir.events import Events
from nirdynap.sim.stimulus import COUNT_MAX, Stimulus, read_recording

SHAPE = (2, 3, 4)


def at(*events):
    """Events of (t, c, y, x)."""
    t, c, y, x = np.array(events, dtype=int).reshape(-1, 4).T
    return Events(t=t, c=c, y=y, x=x)


def read(recording, shape=SHAPE, *, dt_us=1000, duration_us=None):
    return read_recording(recording, shape, dt_us=dt_us, duration_us=duration_us)


def rows(stimulus: Stimulus):
    """(t, c, y, x, count) of each entry."""
    return list(zip(*(getattr(stimulus, name).tolist() for name in ("t", "c", "y", "x", "count")), strict=True))


# --- what comes out ---------------------------------------------------------------------------------------------------

EVENTS = at((0, 1, 2, 3), (999, 0, 0, 0), (999, 0, 0, 0), (2500, 1, 0, 2))


def test_events_stay_as_they_are():
    (stimulus,) = read(EVENTS)
    assert rows(stimulus) == [(0, 1, 2, 3, 1), (999, 0, 0, 0, 1), (999, 0, 0, 0, 1), (2500, 1, 0, 2, 1)]
    assert (stimulus.steps, stimulus.end_us) == (3, 2500)
    assert (stimulus.camera_ticks.tolist(), stimulus.camera_ticks.dtype, stimulus.dvs_dropped) == ([], np.int64, 0)


@pytest.mark.parametrize(
    ("dt_us", "duration_us", "steps", "end_us"),
    [
        (1000, None, 3, 2500),
        (2500, None, 2, 2500),
        (2501, None, 1, 2500),
        (1000, 2501, 3, 2501),
        (1000, 3000, 3, 3000),
        (1000, 3001, 4, 3001),
        (7, 7000, 1000, 7000),
    ],
)
def test_length_of_a_list_of_events(dt_us, duration_us, steps, end_us):
    (stimulus,) = read(EVENTS, dt_us=dt_us, duration_us=duration_us)
    assert (stimulus.steps, stimulus.end_us) == (steps, end_us)


def test_a_recording_without_events():
    (stimulus,) = read(at())
    assert (rows(stimulus), stimulus.steps, stimulus.end_us) == ([], 0, -1)
    (stimulus,) = read(at(), duration_us=1500)
    assert (rows(stimulus), stimulus.steps, stimulus.end_us) == ([], 2, 1500)


@given(arrays(np.int64, (3, *SHAPE), elements=st.integers(0, 3)), st.integers(1, 9))
def test_a_raster_is_read_by_step_channel_y_x(counts, dt_us):
    (stimulus,) = read(counts, dt_us=dt_us)
    expected = [(s * dt_us, c, y, x, n) for (s, c, y, x), n in np.ndenumerate(counts) if n]
    assert rows(stimulus) == expected
    assert (stimulus.steps, stimulus.end_us) == (3, 3 * dt_us)
    single = stimulus.single()
    assert rows(single) == [(*where, 1) for *where, n in expected for _ in range(n)]
    assert (single.steps, single.end_us) == (stimulus.steps, stimulus.end_us)


def test_samples_of_a_batch():
    batch = np.arange(3 * 2 * 24).reshape(3, 2, *SHAPE) % 5
    for sample, stimulus in enumerate(read(batch)):
        (alone,) = read(batch[:, sample])
        assert (rows(stimulus), stimulus.steps, stimulus.end_us) == (rows(alone), 3, 3000)
    assert len(read(batch)) == 2
    first, second = read([EVENTS, at((5, 0, 0, 0))])
    assert (rows(first), rows(second)) == (rows(*read(EVENTS)), [(5, 0, 0, 0, 1)])
    assert (second.steps, second.end_us) == (1, 5)


@pytest.mark.parametrize(
    "recording", [EVENTS, np.ones((2, *SHAPE)), np.asfortranarray(np.ones((2, *SHAPE), dtype=np.uint8))]
)
def test_arrays_are_always_of_one_kind(recording):
    for stimulus in (*read(recording), read(recording)[0].single()):
        for name, dtype in (("t", np.int64), ("c", np.int32), ("y", np.int32), ("x", np.int32), ("count", np.int32)):
            array = getattr(stimulus, name)
            assert (array.dtype, array.flags.c_contiguous, array.flags.writeable) == (dtype, True, False)


def test_arrays_of_the_caller_stay_writeable():
    t = np.zeros(1, dtype=np.int64)
    Stimulus(t=t, c=t, y=t, x=t, count=t, steps=1, end_us=0)
    assert t.flags.writeable


def test_as_many_spikes_as_32_bits_count():
    raster = np.zeros((1, *SHAPE), dtype=np.int64)
    raster[0, 1, 2, 3] = COUNT_MAX
    (stimulus,) = read(raster)
    assert rows(stimulus) == [(0, 1, 2, 3, 2**31 - 1)]
    raster[0, 1, 2, 3] += 1
    assert told(raster) == [
        ("ND509", "$.raster", f"a time step holds {2**31} spikes at one address, limit {2**31 - 1}"),
    ]


# --- what is wrong with it --------------------------------------------------------------------------------------------


def told(recording, **options):
    with pytest.raises(InputError) as caught:
        read(recording, **options)
    return [(finding.code, finding.place, finding.found) for finding in caught.value.diagnostics]


@pytest.mark.parametrize(
    "shape", [(2, 3, 4), (1, 2, 3, 5), (1, 3, 3, 4), (1, 0, *SHAPE), (1, 1, 2, 2, 4), (1, 1, 1, *SHAPE)]
)
def test_rasters_of_another_shape(shape):
    wanted = "[time, channel, y, x] or [time, batch, channel, y, x] with (channel, y, x) = (2, 3, 4)"
    assert told(np.zeros(shape)) == [("ND504", "$.raster", f"shape is {shape}, expected {wanted}")]


def test_a_raster_without_steps_is_one():
    (stimulus,) = read(np.zeros((0, *SHAPE)))
    assert (rows(stimulus), stimulus.steps, stimulus.end_us) == ([], 0, 0)


def test_samples_are_named_where_there_are_several():
    outside = at((3, 0, 0, 0), (7, 0, 3, 1))
    found = "event 1 at (channel, y, x) = (0, 3, 1), input is (2, 3, 4)"
    assert told(outside) == [("ND503", "$.events", found)]
    assert told([outside]) == [("ND503", "$.events", found)]
    assert told([EVENTS, outside, outside]) == [("ND503", "$.events[1]", found), ("ND503", "$.events[2]", found)]
    assert told([]) == [("ND505", "$.events", "the batch has no samples")]


@pytest.mark.parametrize("dt_us", [0, -1, 1.5, True, None])
def test_time_steps_are_whole_microseconds(dt_us):
    finding = ("ND507", "$.dt_us", f"dt_us = {str(dt_us)!r} is not possible")
    for recording in (EVENTS, [EVENTS], np.zeros((1, *SHAPE))):
        assert told(recording, dt_us=dt_us) == [finding]


def test_a_length_ends_behind_the_last_event():
    found = "duration_us = '2500' is not possible"
    assert told(EVENTS, duration_us=2500) == [("ND507", "$.events", found)]
    assert told([at(), EVENTS], duration_us=2500) == [("ND507", "$.events[1]", found)]
    assert len(read([at(), EVENTS], duration_us=2501)) == 2
    hints = hints_of(EVENTS, duration_us=2500)
    assert hints == ["at least 2501, behind the last event"]
    for duration_us in (0, -5, 1.5, True, "1"):
        assert told(EVENTS, duration_us=duration_us) == [
            ("ND507", "$.duration_us", f"duration_us = {str(duration_us)!r} is not possible")
        ]


def hints_of(recording, **options):
    with pytest.raises(InputError) as caught:
        read(recording, **options)
    return [finding.hint for finding in caught.value.diagnostics]


def test_what_would_be_possible():
    assert hints_of(EVENTS, dt_us=0, duration_us=0) == [
        "a positive whole number of microseconds",
        "a positive whole number of microseconds, or None",
    ]
    raster = np.zeros((1, *SHAPE))
    for duration_us in (0, 1000):
        found = f"duration_us = '{duration_us}' is not possible"
        assert told(raster, duration_us=duration_us) == [("ND507", "$.duration_us", found)]
        assert hints_of(raster, duration_us=duration_us) == [
            "None (no --duration-us) with a raster, which tells its own length"
        ]


def test_all_findings_come_at_once():
    """But for the end of a recording, which says nothing without a legal time grid."""
    outside = at((7, 0, 3, 1))
    assert [code for code, *_ in told(outside, dt_us=0, duration_us=-1)] == ["ND507", "ND507", "ND503"]
    assert [place for _, place, _ in told(outside, dt_us=1000, duration_us=5)] == ["$.events", "$.events"]
    assert [place for _, place, _ in told(outside, dt_us=0, duration_us=5)] == ["$.dt_us", "$.events"]
    codes = [code for code, *_ in told(-np.ones((1, *SHAPE)), dt_us=0, duration_us=9)]
    assert codes == ["ND507", "ND507", "ND504"]
    with pytest.raises(InputError) as caught:
        read(outside, dt_us=0)
    assert caught.value.__suppress_context__
