import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nirdynap.errors import InputError
from nirdynap.ir.events import Events, whole_counts

PROPERTY = settings(deadline=None, max_examples=100)
SHAPE = (2, 3, 4)

event_lists = st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 1), st.integers(0, 2), st.integers(0, 3))).map(
    lambda rows: events_of(sorted(rows, key=lambda row: row[0]))
)


def events_of(rows):
    t, c, y, x = np.array(rows, dtype=int).reshape(-1, 4).T
    return Events(t=t, c=c, y=y, x=x)


def refused(code, call, *args, **options):
    with pytest.raises(InputError) as caught:
        call(*args, **options)
    assert [d.code for d in caught.value.diagnostics] == [code]
    return str(caught.value)


# --- the record -------------------------------------------------------------------------------------------------------


def test_arrays_are_copied_typed_and_read_only():
    t = np.array([3.0, 4.0])
    events = Events(t=t, c=[True, False], y=np.array([1, 2], dtype=np.uint8), x=[0, 1])
    t[0] = 9
    assert [a.dtype for a in (events.t, events.c, events.y, events.x)] == [np.int64, np.int32, np.int32, np.int32]
    assert events.t.tolist() == [3, 4]
    assert not any(a.flags.writeable for a in (events.t, events.c, events.y, events.x))
    assert len(events) == 2


def test_equal_by_content():
    assert events_of([(1, 0, 0, 0)]) == events_of([(1, 0, 0, 0)])
    assert hash(events_of([(1, 0, 0, 0)])) == hash(events_of([(1, 0, 0, 0)]))
    assert events_of([(1, 0, 0, 0)]) != events_of([(1, 0, 0, 1)])


def test_equal_stamps_keep_their_order():
    assert events_of([(5, 1, 0, 0), (5, 0, 0, 0)]).c.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("field", "values", "code"),
    [
        ("t", [2, 1], "ND501"),
        ("t", [-1, 1], "ND502"),
        ("x", [0, -1], "ND502"),
        ("y", [0, 0.5], "ND505"),
        ("y", [0, np.inf], "ND505"),
        ("y", [0, np.nan], "ND505"),
        ("c", ["a", "b"], "ND505"),
        ("c", [0], "ND505"),
        ("c", [[0, 1]], "ND505"),
        ("c", [0, 2**31], "ND505"),
        ("t", [0, 2.0**63], "ND505"),
    ],
)
def test_bad_arrays_are_refused(field, values, code):
    arrays = {name: [0, 0] for name in "tcyx"} | {field: values}
    refused(code, Events, **arrays)


def test_the_finding_names_the_event():
    assert "event 2" in refused("ND501", events_of, [(1, 0, 0, 0), (5, 0, 0, 0), (4, 0, 0, 0)])
    assert "event 1" in refused("ND502", events_of, [(1, 0, 0, 0), (5, 0, -3, 0)])


@pytest.mark.parametrize("row", [(0, 2, 0, 0), (0, 0, 3, 0), (0, 0, 0, 4)])
def test_events_outside_a_map(row):
    events_of([(0, 1, 2, 3)]).check_inside(SHAPE)
    assert str(row[1:]) in refused("ND503", events_of([(0, 1, 2, 3), row]).check_inside, SHAPE)


# --- rasters ----------------------------------------------------------------------------------------------------------


def test_from_raster_goes_by_step_channel_row_column_and_repeats_counts():
    raster = np.zeros((3, *SHAPE), dtype=int)
    raster[2, 0, 0, 1] = 1
    raster[0, 1, 0, 0] = 2
    raster[0, 0, 2, 3] = 1
    events = Events.from_raster(raster, dt_us=500)
    assert events == events_of([(0, 0, 2, 3), (0, 1, 0, 0), (0, 1, 0, 0), (1000, 0, 0, 1)])


def test_to_raster_bins_from_time_zero():
    events = events_of([(0, 0, 0, 0), (999, 0, 0, 0), (1000, 1, 2, 3)])
    raster = events.to_raster(SHAPE)
    assert (raster.shape, raster.dtype) == ((2, *SHAPE), np.int32)
    assert (raster[0, 0, 0, 0], raster[1, 1, 2, 3], raster.sum()) == (2, 1, 3)


@PROPERTY
@given(event_lists, st.integers(1, 3000))
def test_no_event_is_lost_in_a_raster(events, dt_us):
    raster = events.to_raster(SHAPE, dt_us=dt_us)
    again = Events.from_raster(raster, dt_us=dt_us)
    assert np.array_equal(again.to_raster(SHAPE, dt_us=dt_us), raster)
    key = [*zip(events.t // dt_us * dt_us, events.c, events.y, events.x, strict=True)]
    assert [*zip(again.t, again.c, again.y, again.x, strict=True)] == sorted(key)


def test_duration_sets_the_steps():
    events = events_of([(1500, 0, 0, 0)])
    assert len(events.to_raster(SHAPE, duration_us=4000)) == 4
    assert len(events.to_raster(SHAPE, duration_us=4001)) == 5
    assert len(events_of([]).to_raster(SHAPE)) == 0
    assert len(events_of([]).to_raster(SHAPE, duration_us=2000)) == 2
    assert len(events.to_raster(SHAPE, duration_us=1501)) == 2
    assert "1501" in refused("ND507", events.to_raster, SHAPE, duration_us=1500)


@pytest.mark.parametrize("dt_us", [0, -5, 0.5, True])
def test_bad_time_steps(dt_us):
    refused("ND507", Events.from_raster, np.zeros((1, *SHAPE)), dt_us=dt_us)
    refused("ND507", events_of([]).to_raster, SHAPE, dt_us=dt_us)


def test_a_raster_of_events_has_four_axes():
    refused("ND504", Events.from_raster, np.zeros(SHAPE))


@pytest.mark.parametrize("raster", [[-1], [0.5], [np.nan], [np.inf], [1e30], ["a"], [None], [[1], [1, 2]]])
def test_whole_counts_refuses(raster):
    refused("ND504", whole_counts, raster)


@pytest.mark.parametrize("raster", [[True, False], [1.0, 0.0], np.array([1, 0], dtype=np.uint8)])
def test_whole_counts_takes_any_whole_numbers(raster):
    counts = whole_counts(raster)
    assert (counts.dtype, counts.tolist()) == (np.int64, [1, 0])


# --- structured arrays ------------------------------------------------------------------------------------------------


@PROPERTY
@given(event_lists)
def test_structured_arrays_come_back(events):
    array = events.to_structured()
    assert array.dtype.names == ("x", "y", "t", "p")
    assert Events.from_structured(array) == events


def test_polarity_is_the_channel():
    array = np.array([(1, 2, 30, True)], dtype=[("x", "u2"), ("y", "u2"), ("t", "i8"), ("p", "?")])
    assert Events.from_structured(array) == events_of([(30, 1, 2, 1)])


def test_missing_fields_are_named():
    array = np.zeros(1, dtype=[("x", "i4"), ("t", "i8")])
    assert "y, p" in refused("ND505", Events.from_structured, array)
    assert "x, y, t, p" in refused("ND505", Events.from_structured, np.zeros(3))


def test_a_batch_is_no_recording():
    with pytest.raises(InputError, match=r"try the counts of one sample: .*raster\[:, sample\]"):
        Events.from_raster(np.zeros((2, 1, 1, 3, 3), dtype=int))
