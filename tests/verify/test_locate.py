"""The locator against searches by loops, and its picture of one neuron against the simulators' own."""

from __future__ import annotations

import dataclasses
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import nirdynap
from nirdynap.errors import InputError
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination, Spec
from nirdynap.sim import ClockedSimulator, EventSimulator
from nirdynap.sim.stimulus import read_recording
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.strategies import events, rasters, specs
from nirdynap.verify import Ran, locate
from nirdynap.verify.history import Timeline, Update, pair, timeline
from nirdynap.verify.replay import replay
from nirdynap.verify.runs import run_of


@st.composite
def watched(draw: Any) -> tuple[Ran, Timeline, int, int]:
    """A run of either kind, a timeline for it, and one of its neurons. Merges make the order of inputs unknown."""
    semantics = draw(st.sampled_from(["clocked", "event"]))
    spec = draw(specs(chains=True, dvs=draw(st.booleans()), max_cores=3))
    recording = draw(events(spec)) if draw(st.booleans()) else draw(rasters(spec, max_batch=1))
    emission = draw(st.sampled_from(["raster", "channel"]))
    options = {"emission": emission, "bias_clock_us": draw(st.sampled_from([300, 1000]))}
    (stimulus,) = read_recording(recording, spec.input_shape, dt_us=1000, duration_us=None)
    by_event = semantics == "event" and draw(st.booleans())
    line = timeline(stimulus, 1000, by_event=by_event)
    layer = draw(st.integers(0, len(spec.layers) - 1))
    neuron = draw(st.integers(0, int(np.prod(spec.layers[layer][0].neuron_shape)) - 1))
    return Ran(spec, semantics, **(options if semantics == "event" else {})), line, layer, neuron


@given(watched())
def test_each_update_of_a_neuron_is_what_its_rule_makes_of_its_inputs(drawn: tuple[Ran, Timeline, int, int]) -> None:
    ran, line, layer, neuron = drawn
    runs = pair(run_of(ran, "a", 1000), run_of(ran, "b", 1000), line, (layer, layer), neuron)
    period = ran.options.get("bias_clock_us", 0)
    for update in runs.updates(0, line.moments):
        assert update.a == update.b
        # A tick at the time of an event, or just behind a step's last one, is told with it.
        if period and (line.by_event or update.end_us in line.stimulus.t) and _is_tick(line, update, period):
            continue
        before = (update.a.before, update.a.pushes, update.since_us, update.end_us)
        assert replay(runs.a.rule, *before) == (update.a.after, update.a.spikes)


def _is_tick(line: Timeline, update: Update, period: int) -> bool:
    times = (line.t_us(update.at),) if line.by_event else (update.end_us, update.end_us + 1)
    return any(time % period == 0 for time in times)


@given(st.data())
def test_a_run_never_differs_from_itself_nor_from_the_same_by_another_way(data: st.DataObject) -> None:
    spec = data.draw(specs(dvs=data.draw(st.booleans()), decimators=True))
    raster = data.draw(rasters(spec))
    assert locate(spec, ClockedSimulator(spec), raster) is None
    options = {"order": data.draw(st.sampled_from(["depth", "breadth"])), "bias_clock_us": 700}
    assert locate(Ran(spec, "event", **options), EventSimulator(spec, **options), raster) is None


@given(st.data())
def test_clocked_against_event_is_found_where_loops_find_it(data: st.DataObject) -> None:
    spec = data.draw(specs())
    raster = data.draw(rasters(spec, min_steps=1))
    found = locate(spec, Ran(spec, "event", bias_clock_us=1000), raster)
    expected = first_by_loops(spec, raster)
    assert (found and (found.layer, found.at, found.sample, found.neuron)) == expected


def first_by_loops(spec: Spec, raster: np.ndarray) -> tuple[str, int, int, tuple[int, ...]] | None:
    clocked = nirdynap.simulate(spec, raster, record="all")
    event = nirdynap.simulate(spec, raster, "event", record="all", bias_clock_us=1000)
    for (core,) in spec.layers:
        for step in range(len(raster)):
            for sample in range(raster.shape[1]):
                spikes = event.spikes[core.core][sample]
                counts = np.zeros(core.neuron_shape, int)
                here = spikes.t // 1000 == step
                np.add.at(counts, (spikes.c[here], spikes.y[here], spikes.x[here]), 1)
                other = np.argwhere(counts != clocked.rasters[core.core][step, sample])
                if len(other):
                    return core.name, step, sample, tuple(other[0].tolist())
    return None


def merged(shift: int = 0) -> Spec:
    """Two branches that meet: then the order of cores matters to the event run."""
    rng = np.random.default_rng(1)
    deep = Destination(core=2, pooling=1, feature_shift=shift)
    return build_spec(
        build_core(
            0, rng.integers(-30, 60, (2, 1, 3, 3)), (1, 6, 6), padding=(1, 1), threshold_high=40,
            destinations=[Destination(core=1, pooling=1), deep],
        ),
        build_core(1, rng.integers(-30, 60, (2, 2, 1, 1)), (2, 6, 6), threshold_high=30, destinations=[deep]),
        build_core(2, rng.integers(-30, 60, (2, 3, 3, 3)), (3, 6, 6), threshold_high=50, threshold_low=-20),
    )  # fmt: skip


def test_orders_differ_where_branches_meet() -> None:
    raster = np.random.default_rng(2).poisson(0.3, (20, 1, 6, 6))
    spec = merged()
    found = locate(Ran(spec, "event"), Ran(spec, "event", order="breadth"), raster)
    assert found is not None
    assert found.layer == "conv2"
    assert str(found).startswith("conv2 first differs in event")


def test_the_same_spikes_in_another_order() -> None:
    spec = build_spec(build_core(0, [[[[9]]], [[[9]]]], (1, 1, 2), threshold_high=9))
    one = Events(t=[0, 5], c=[0, 0], y=[0, 0], x=[0, 1])
    wide = build_spec(build_core(0, [[[[9, 9]]], [[[9, 9]]]], (1, 1, 2), padding=(0, 1), threshold_high=9))
    assert locate(Ran(spec, "event"), Ran(spec, "event", emission="channel"), one) is None
    found = locate(Ran(wide, "event"), Ran(wide, "event", emission="channel"), one)
    assert found is not None
    assert (found.layer, found.at, found.a, found.b) == ("conv0", 0, 1, 1)
    assert found.cause is not None
    assert (found.cause.code, found.cause.found) == ("ND726", "the same spikes are emitted in another order")


@pytest.mark.parametrize(
    ("weight", "threshold", "low", "counts", "code"),
    [
        ([100, -100], 100, -32768, [1, 1], "ND726"),  # up to the threshold on the way, and down again
        ([-50, 60], 40, -20, [1, 1], "ND722"),  # held between the two
        ([100, 0], 40, -20, [1, 0], "ND727"),  # one spike can be worth two
    ],
)
def test_a_step_against_its_events(weight: list[int], threshold: int, low: int, counts: list[int], code: str) -> None:
    weights = np.reshape(weight, (1, 2, 1, 1))
    spec = build_spec(build_core(0, weights, (2, 1, 1), threshold_high=threshold, threshold_low=low))
    raster = np.reshape(counts, (1, 2, 1, 1))
    for a, b in ((spec, Ran(spec, "event")), (Ran(spec, "event"), spec)):
        found = locate(a, b, raster)
        assert found is not None
        assert found.cause is not None
        assert found.cause.code == code


def test_a_bias_fires_in_its_step_and_a_tick_does_not() -> None:
    spec = build_spec(build_core(0, [[[[1]]]], (1, 1, 1), threshold_high=10, bias=[10]))
    found = locate(spec, Ran(spec, "event", bias_clock_us=1000), np.ones((2, 1, 1, 1), int))
    assert found is not None
    assert found.cause is not None
    assert (found.at, found.cause.code) == (0, "ND729")


def test_a_membrane_that_parts_long_before_the_spikes_do() -> None:
    """20 000 events without a spike, of which number 4321 is the first that weighs otherwise."""
    a, b = (build_spec(build_core(0, [[[[w]]], [[[0]]]], (1, 1, 1), threshold_high=30000)) for w in (1, 2))
    a = dataclasses.replace(a, input_shape=(2, 1, 1), cores=(_two_channels(a.cores[0], [1, 1]),))
    b = dataclasses.replace(b, input_shape=(2, 1, 1), cores=(_two_channels(b.cores[0], [1, 2]),))
    n = 31000
    channel = (np.arange(n) == 4321).astype(int)
    events_ = Events(t=np.arange(n) * 10, c=channel, y=0 * channel, x=0 * channel)
    found = locate(Ran(a, "event"), Ran(b, "event"), events_)
    assert found is not None
    assert (found.at, found.parted.at, found.history[0].at) == (29998, 4321, 29992)
    assert "event 4321" in str(found)
    assert found.cause is not None
    assert found.cause.code == "ND725"


def _two_channels(core: Any, weights: list[int]) -> Any:
    return build_core(0, np.reshape(weights, (1, 2, 1, 1)), (2, 1, 1), threshold_high=core.threshold_high)


def test_a_split_layer_is_one_layer(shared_data: Any) -> None:
    path = shared_data / "nmnist_speck" / "cnn_sinabs.nir"
    whole, split = (nirdynap.nir_to_dynapcnn(path, convention="sinabs", split=s) for s in ("auto", {"2": 2}))
    raster = np.random.default_rng(0).poisson(0.02, (10, 2, 34, 34))
    assert locate(whole, split, raster) is None
    cores = tuple(
        dataclasses.replace(core, threshold_high=core.threshold_high + 2) if core.first_channel == 8 else core
        for core in split.cores
    )
    found = locate(whole, dataclasses.replace(split, cores=cores), raster)
    assert found is not None
    assert found.layer == "2"
    assert found.neuron[0] >= 8
    assert found.cause is not None
    assert found.cause.code == "ND724"


def test_what_cannot_be_compared() -> None:
    one = build_spec(build_core(0, [[[[1]]]], (1, 1, 1)))
    two = build_spec(build_core(0, [[[[1]]], [[[1]]]], (1, 1, 1)))
    wide = build_spec(build_core(0, [[[[1]]]], (1, 1, 2)))
    for other in (two, wide):
        with pytest.raises(InputError, match="ND720"):
            locate(one, other, np.ones((1, 1, 1, 1)))
    with pytest.raises(InputError, match="ND513"):
        locate(one, "spec.h5", np.ones((1, 1, 1, 1)))  # type: ignore[arg-type]
    for options in ({"order": "depth"}, {"semantics": "both"}):
        with pytest.raises(InputError, match="ND507"):
            Ran(one, **options)
