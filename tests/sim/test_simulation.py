import doctest
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nirdynap.errors import InputError
from nirdynap.ir.events import Events
from nirdynap.sim import simulate, simulation
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.same import assert_same_result
from nirdynap.testing.strategies import events, rasters, specs

PROPERTY = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

SPEC = build_spec(build_core(3, [[[[5]], [[-2]]]], (2, 1, 1), threshold_high=10))
BIASED = build_spec(build_core(3, [[[[5]], [[-2]]]], (2, 1, 1), threshold_high=10, bias=[1]))
RASTER = np.array([[2, 0], [0, 1], [3, 1]])[:, :, None, None]


def at(*events):
    t, c, y, x = np.array([(*e, 0, 0)[:4] for e in events], dtype=int).reshape(-1, 4).T
    return Events(t=t, c=c, y=y, x=x)


# --- either run takes either input ------------------------------------------------------------------------------------


@PROPERTY
@given(st.data())
def test_a_raster_runs_event_by_event_as_its_events_do(data):
    spec = data.draw(specs(max_cores=2))
    raster = data.draw(rasters(spec, min_steps=1))
    lists = [Events.from_raster(raster[:, i]) for i in range(raster.shape[1])]
    options = {"bias_clock_us": 1000, "record": "all"}
    expected = oracle.event(spec, lists, duration_us=1000 * len(raster), **options)
    assert_same_result(simulate(spec, raster, "event", **options), expected)


@PROPERTY
@given(st.data())
def test_events_run_in_steps_as_their_raster_does(data):
    spec = data.draw(specs(max_cores=2))
    recording = data.draw(events(spec))
    dt_us = data.draw(st.integers(100, 1500))
    raster = recording.to_raster(spec.input_shape, dt_us=dt_us)
    expected = oracle.clocked(spec, raster, record="all", dt_us=dt_us)
    assert_same_result(simulate(spec, recording, record="all", dt_us=dt_us), expected)


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_one_sample_needs_no_batch_axis(semantics):
    assert_same_result(simulate(SPEC, RASTER, semantics), simulate(SPEC, RASTER[:, None], semantics))
    assert_same_result(simulate(SPEC, RASTER.tolist(), semantics), simulate(SPEC, RASTER.astype(float), semantics))
    one = at((1, 0), (2500, 0))
    assert_same_result(simulate(SPEC, one, semantics), simulate(SPEC, [one], semantics))


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_duration_adds_silent_steps(semantics):
    options = {"bias_clock_us": 1000} if semantics == "event" else {}
    result = simulate(BIASED, at((0, 0)), semantics, duration_us=4500, **options)
    assert result.raster.shape == (5, 1, 1, 1, 1)
    # 5 + 1 a step in 5 steps fires and leaves 0; 5 + 4 ticks (at 1000 .. 4000) is 9.
    assert result.membranes[3].item() == (0 if semantics == "clocked" else 9)


# --- batches ----------------------------------------------------------------------------------------------------------


@PROPERTY
@given(st.data(), st.sampled_from(["clocked", "event"]))
def test_samples_of_a_batch_know_nothing_of_each_other(data, semantics):
    spec = data.draw(specs(decimators=True))
    batch = data.draw(st.lists(events(spec), min_size=2, max_size=3))
    options = {"bias_clock_us": 700} if semantics == "event" else {}
    together = simulate(spec, batch, semantics, record="all", **options)
    alone = [simulate(spec, one, semantics, record="all", **options) for one in batch]
    for core in spec.cores:
        for name in ("counts", "membranes"):
            apart = [getattr(result, name)[core.core] for result in alone]
            np.testing.assert_array_equal(getattr(together, name)[core.core], np.concatenate(apart))
        sums = np.sum([list(vars_of(result.stats[core.core])) for result in alone], axis=0)
        assert list(vars_of(together.stats[core.core])) == sums.tolist()
    for port in spec.outputs:
        assert together.output_events[port.name] == tuple(result.output_events[port.name][0] for result in alone)
        for i, result in enumerate(alone):
            raster = result.output_rasters[port.name][:, 0]
            np.testing.assert_array_equal(together.output_rasters[port.name][: len(raster), i], raster)
            assert not together.output_rasters[port.name][len(raster) :, i].any()


def vars_of(stats):
    return (stats.spikes, stats.synaptic_operations, stats.saturated, stats.dropped)


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_progress_is_told_after_each_sample(semantics):
    told = []
    simulate(SPEC, [at((0, 0))] * 3, semantics, progress=lambda *done: told.append(done))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_example_in_the_docstring_runs():
    tried = doctest.testmod(simulation)
    assert tried.attempted > 0
    assert tried.failed == 0


# --- what is asked for, and what is not -------------------------------------------------------------------------------


def test_record_all_adds_the_rasters_or_the_spikes_of_every_core():
    clocked = simulate(SPEC, RASTER, record="all")
    assert (list(clocked.rasters), list(clocked.spikes)) == ([3], [])
    event = simulate(SPEC, RASTER, "event", record="all")
    assert (list(event.rasters), list(event.spikes)) == ([], [3])
    outputs = simulate(SPEC, RASTER)
    assert (list(outputs.rasters), list(outputs.spikes)) == ([], [])


def test_results_are_read_only():
    for semantics in ("clocked", "event"):
        result = simulate(SPEC, RASTER, semantics, record="all")
        arrays = [result.counts[3], result.membranes[3], result.raster, result["conv3"].counts]
        assert not any(array.flags.writeable for array in arrays)


# --- refusals ---------------------------------------------------------------------------------------------------------


def codes_of(**options):
    with pytest.raises(InputError) as caught:
        simulate(**{"spec": SPEC, "events_or_raster": RASTER, **options})
    return [d.code for d in caught.value.diagnostics], str(caught.value)


def test_all_findings_come_at_once():
    codes, text = codes_of(
        semantics="both",
        order="first",
        emission="none",
        record="most",
        saturate="yes",
        spikes_per_step=2,
        bias_clock_us=0,
        events_or_raster=at((1, 7)),
        dt_us=0,
    )
    assert sorted(codes) == ["ND503"] + ["ND507"] * 8, "a bad value is not also said to have no effect"
    for name in ("semantics", "order", "emission", "record", "saturate", "spikes_per_step", "bias_clock_us", "dt_us"):
        assert name in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"order": "breadth"}, "order = 'breadth' is not possible; try depth in a clocked run"),
        ({"emission": "channel"}, "emission = 'channel' is not possible; try raster in a clocked run"),
        ({"bias_clock_us": 1000}, "bias_clock_us = '1000' is not possible; try None in a clocked run"),
        ({"saturate": False}, "saturate = 'False' is not possible; try True in an event run"),
        ({"spikes_per_step": "one"}, "spikes_per_step = 'one' is not possible; try None in an event run"),
    ],
)
def test_options_of_the_other_run_are_refused(options, said):
    (name,) = options
    semantics = "event" if said.endswith("event run") else "clocked"
    codes, text = codes_of(semantics=semantics, **options)
    assert codes == ["ND507"]
    assert text == f"ND507 bad run option, at $.{name}: {said}, where it has no effect"


def test_findings_about_options_and_recording_come_together():
    _, text = codes_of(semantics="both", record="most", threads=0, saturate=1, duration_us=5)
    assert text.splitlines() == [
        "ND507 bad run option, at $.semantics: semantics = 'both' is not possible; try clocked, event",
        "ND507 bad run option, at $.record: record = 'most' is not possible; try outputs, all",
        "ND507 bad run option, at $.threads: threads = '0' is not possible; try a positive whole number, or None for "
        "one for each core of the machine",
        "ND507 bad run option, at $.saturate: saturate = '1' is not possible; try True, False",
        "ND507 bad run option, at $.duration_us: duration_us = '5' is not possible; try None (no --duration-us) with a "
        "raster, which tells its own length",
    ]
    options = {"semantics": "event", "saturate": False, "spikes_per_step": "one", "spec": BIASED}
    codes, _ = codes_of(**options, events_or_raster=at((1, 7)), dt_us=7, duration_us=1)
    assert codes == ["ND506", "ND507", "ND507", "ND503", "ND507"]
    codes, _ = codes_of(semantics="event", bias_clock_us=0, events_or_raster=at((1, 7)))
    assert codes == ["ND507", "ND503"]


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_every_option_reaches_its_run(semantics, monkeypatch):
    """None is left out on the way, whatever it does there."""
    asked = {}

    def simulator(spec, **options):
        asked.update(options, spec=spec)
        return SimpleNamespace(run=lambda recording, **rest: asked.update(rest, recording=recording) or "result")

    own = {
        "clocked": {"saturate": False, "spikes_per_step": "one"},
        "event": {"order": "breadth", "emission": "channel", "bias_clock_us": 700},
    }
    monkeypatch.setattr(simulation, {"clocked": "ClockedSimulator", "event": "EventSimulator"}[semantics], simulator)
    options = {**own[semantics], "threads": 3, "record": "all", "dt_us": 500, "duration_us": 9000, "progress": print}
    assert simulate(SPEC, at((1, 0)), semantics, **options) == "result"
    assert asked == {"spec": SPEC, "recording": at((1, 0)), **options}
    assert simulate(SPEC, RASTER, semantics) == "result"
    defaults = {
        "saturate": True,
        "spikes_per_step": None,
        "order": "depth",
        "emission": "raster",
        "bias_clock_us": None,
    }
    defaults |= {"threads": None, "record": "outputs", "dt_us": 1000, "duration_us": None, "progress": None}
    assert asked == {"spec": SPEC, "recording": RASTER, **{name: defaults[name] for name in options}}


@pytest.mark.parametrize(
    ("recording", "code"),
    [
        ([], "ND505"),
        (at((1, 0, 0, 9)), "ND503"),
        ([at((1, 0)), at((1, 3))], "ND503"),
        (RASTER[..., 0], "ND504"),
        (np.zeros((4, 3, 1, 1)), "ND504"),
        (np.zeros((4, 0, 2, 1, 1)), "ND504"),
        (-RASTER, "ND504"),
        (RASTER + 0.5, "ND504"),
        (RASTER * np.nan, "ND504"),
        ([[1], [1, 2]], "ND504"),
        ("events", "ND513"),
        (None, "ND513"),
        (RASTER * 2**30, "ND509"),
    ],
)
@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_bad_recordings(recording, code, semantics):
    codes, _ = codes_of(events_or_raster=recording, semantics=semantics)
    assert codes == [code]


def test_the_place_of_a_finding_names_the_sample():
    _, text = codes_of(events_or_raster=[at((1, 0)), at((1, 3))])
    assert "$.events[1]" in text


@pytest.mark.parametrize("dt_us", [0, -1, 1.5, True, None])
def test_bad_time_steps(dt_us):
    assert codes_of(dt_us=dt_us)[0] == ["ND507"]


def test_duration_ends_behind_the_last_event_and_is_not_for_rasters():
    assert codes_of(events_or_raster=at((1, 0), (7, 0)), duration_us=7)[0] == ["ND507"]
    assert simulate(SPEC, at((1, 0), (7, 0)), duration_us=8).raster.shape[0] == 1
    assert codes_of(duration_us=3000)[0] == ["ND507"]
    assert codes_of(events_or_raster=at((1, 0)), duration_us=0)[0] == ["ND507"]


def test_biases_need_a_clock():
    codes, text = codes_of(spec=BIASED, semantics="event")
    assert codes == ["ND506"]
    assert "$.cores.3" in text


@pytest.mark.parametrize(("weight", "limit"), [(127, 2**31 - 1), (-128, -(2**31))])
def test_sums_beyond_32_bits_are_refused(weight, limit):
    spec = build_spec(build_core(0, [[[[weight]]]], (1, 1, 1), threshold_high=1))
    largest = limit // weight
    raster = np.array([largest])[:, None, None, None]
    assert simulate(spec, raster, saturate=False).raster.item() == max(0, largest * weight)
    codes, text = codes_of(spec=spec, events_or_raster=raster + 1)
    assert codes == ["ND510"]
    assert str((largest + 1) * weight) in text
