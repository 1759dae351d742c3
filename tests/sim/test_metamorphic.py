"""What must stay equal when the question is put differently."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination
from nirdynap.ir.units import INT16_MAX
from nirdynap.sim import ClockedSimulator, EventSimulator, simulate
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.same import assert_same_result
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


@st.composite
def calm(draw, **options):
    """Specs whose weights are positive and no larger than the threshold: each neuron fires floor(sum / threshold)."""
    drawn = draw(specs(biases=False, initial_states=False, max_spikes=None, **options))
    cores = []
    for core in drawn.cores:
        high = min(core.threshold_high, INT16_MAX - 127)
        weights = np.abs(core.weights.astype(int)).clip(max=min(127, high)).astype(np.int8)
        cores.append(replace(core, weights=weights, threshold_high=high, return_to_zero=False))
    return replace(drawn, cores=tuple(cores), spikes_per_step="many")


def assert_same_totals(actual, expected):
    for core in expected.spec.cores:
        # Without saturation, sums of a step beyond 16 bits are counted still, and come and go with what shares a step.
        pair = (actual.stats[core.core], expected.stats[core.core])
        assert replace(pair[0], saturated=0) == replace(pair[1], saturated=0)
    for core in expected.spec.cores:
        np.testing.assert_array_equal(actual.counts[core.core], expected.counts[core.core])
        np.testing.assert_array_equal(actual.membranes[core.core], expected.membranes[core.core])


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
    # Every update leaves less than a threshold, so both runs have fired floor(sum / threshold) times.
    spec = data.draw(calm())
    raster = data.draw(rasters(spec))
    assert_same_totals(simulate(spec, raster, saturate=False), simulate(spec, raster, "event"))


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


# --- the order of events does not matter where nothing is lost --------------------------------------------------------


@PROPERTY
@given(st.data())
def test_in_any_order_positive_weights_below_the_threshold_spike_as_often(data):
    spec = data.draw(calm())
    recording = data.draw(events(spec))
    mixed = np.array(data.draw(st.permutations(range(len(recording)))), dtype=int)
    other = Events(t=recording.t, c=recording.c[mixed], y=recording.y[mixed], x=recording.x[mixed])
    expected = simulate(spec, recording, "event")
    for order in ("depth", "breadth"):
        for emission in ("raster", "channel"):
            assert_same_totals(simulate(spec, other, "event", order=order, emission=emission), expected)


@PROPERTY
@given(st.data())
def test_steps_in_any_order_spike_as_often(data):
    spec = data.draw(calm())
    raster = data.draw(rasters(spec, min_steps=2))
    mixed = data.draw(st.permutations(range(len(raster))))
    assert_same_totals(simulate(spec, raster[list(mixed)], saturate=False), simulate(spec, raster, saturate=False))


# --- moved in space ---------------------------------------------------------------------------------------------------


@st.composite
def chains_on_a_large_map(draw):
    """A chain on 320 x 320 pixels, its total stride (y, x) at the input, and what one pixel of each core is there.

    A patch in the middle reaches no neuron at an edge, neither there nor moved by a total stride.
    """
    shape, scale, cores, scales = (2, 320, 320), np.array([1, 1]), [], []
    number = draw(st.integers(1, 3))
    for k in range(number):
        features = draw(st.integers(1, 3))
        stride = (draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 2])))
        size = (features, shape[0], draw(st.integers(1, 3)), draw(st.integers(1, 3)))
        drawn = draw(st.lists(st.integers(-3, 9), min_size=int(np.prod(size)), max_size=int(np.prod(size))))
        pooling = draw(st.sampled_from([1, 2]))
        core = build_core(
            k,
            np.reshape(drawn, size),
            shape,
            stride=stride,
            padding=(draw(st.integers(0, 2)), draw(st.integers(0, 2))),
            threshold_high=draw(st.integers(1, 12)),
            threshold_low=draw(st.sampled_from([-1, -10, -300])),
            return_to_zero=draw(st.booleans()),
            destinations=[Destination(core=k + 1, pooling=pooling)] if k + 1 < number else [],
        )
        scale = scale * stride
        cores.append(core)
        scales.append(scale)
        scale = scale * (pooling if core.destinations else 1)
        shape = (features, *(n // pooling for n in core.neuron_shape[1:]))
    return build_spec(*cores), scale, scales


def moved(array, by):
    """The last two axes moved; nothing may go over an edge."""
    assert all(not edge.any() for edge in (array[..., -by[0] :, :], array[..., -by[1] :])), "too near to the edge"
    return np.roll(array, by, (-2, -1))


@pytest.mark.parametrize("semantics", ["clocked", "event"])
@PROPERTY
@given(data=st.data())
def test_an_input_moved_by_the_total_stride_moves_the_output(semantics, data):
    spec, stride, scales = data.draw(chains_on_a_large_map())
    n = data.draw(st.integers(1, 30))
    t, c, y, x = np.frombuffer(data.draw(st.binary(min_size=4 * n, max_size=4 * n)), np.uint8).reshape(4, n).astype(int)
    start = Events(t=np.sort(t) * 40, c=c % 2, y=128 + y % 4, x=128 + x % 4)
    there = Events(t=start.t, c=start.c, y=start.y + stride[0], x=start.x + stride[1])
    here, shifted = (simulate(spec, recording, semantics, record="all") for recording in (start, there))
    assert here.stats == shifted.stats
    for core, scale in zip(spec.cores, scales, strict=True):
        by = tuple(int(n) for n in stride // scale)
        np.testing.assert_array_equal(moved(here.counts[core.core], by), shifted.counts[core.core])
        np.testing.assert_array_equal(moved(here.membranes[core.core], by), shifted.membranes[core.core])
    by = [int(n) for n in stride // scales[-1]]
    expected = here.events
    moved_events = Events(t=expected.t, c=expected.c, y=expected.y + by[0], x=expected.x + by[1])
    assert shifted.events == moved_events


# --- channels by other numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("semantics", ["clocked", "event"])
@PROPERTY
@given(data=st.data())
def test_permuted_input_channels_with_permuted_weights_change_nothing(semantics, data):
    spec = data.draw(specs(chains=True, max_spikes=None if semantics == "event" else 24, decimators=True))
    recording = data.draw(events(spec))
    mixed = np.array(data.draw(st.permutations(range(spec.input_shape[0]))))
    weights = np.empty_like(spec.cores[0].weights)
    weights[:, mixed] = spec.cores[0].weights
    other = replace(spec, cores=(replace(spec.cores[0], weights=weights), *spec.cores[1:]))
    options = {"bias_clock_us": 900} if semantics == "event" else {}
    renamed = Events(t=recording.t, c=mixed[recording.c], y=recording.y, x=recording.x)
    expected = simulate(spec, recording, semantics, record="all", **options)
    assert_same_result(simulate(other, renamed, semantics, record="all", **options), expected)


def with_permuted_features(spec, k, mixed):
    """Feature o of core k becomes feature mixed[o], and the cores behind listen to it there."""
    cores = list(spec.cores)
    core = cores[k]
    inverse = np.argsort(mixed)
    parts = {name: getattr(core, name) for name in ("weights", "bias", "initial_state")}
    cores[k] = replace(core, **{name: part if part is None else part[inverse] for name, part in parts.items()})
    if k + 1 < len(cores):
        cores[k + 1] = replace(cores[k + 1], weights=cores[k + 1].weights[:, inverse])
    return replace(spec, cores=tuple(cores))


@PROPERTY
@given(st.data())
def test_permuted_features_of_any_core_permute_its_spikes_in_time_steps(data):
    spec = data.draw(specs(chains=True))
    raster = data.draw(rasters(spec))
    k = data.draw(st.integers(0, len(spec.cores) - 1))
    mixed = data.draw(st.permutations(range(spec.cores[k].neuron_shape[0])))
    expected = simulate(spec, raster, record="all")
    actual = simulate(with_permuted_features(spec, k, mixed), raster, record="all")
    assert actual.stats == expected.stats
    for j, core in enumerate(spec.cores):
        order = list(mixed) if j == k else slice(None)
        for name in ("rasters", "counts", "membranes"):
            found, before = getattr(actual, name)[core.core], getattr(expected, name)[core.core]
            np.testing.assert_array_equal(found[..., order, :, :], before)


@PROPERTY
@given(st.data())
def test_permuted_features_of_the_last_core_permute_its_spikes_event_by_event(data):
    # Not those of another core: the order of spikes that one event causes decides what happens behind it.
    spec = data.draw(specs(chains=True, max_spikes=None))
    recording = data.draw(events(spec))
    mixed = data.draw(st.permutations(range(spec.cores[-1].neuron_shape[0])))
    expected = simulate(spec, recording, "event", bias_clock_us=900)
    actual = simulate(with_permuted_features(spec, len(spec.cores) - 1, mixed), recording, "event", bias_clock_us=900)
    assert actual.stats == expected.stats
    for core in spec.cores:
        order = list(mixed) if core is spec.cores[-1] else slice(None)
        for name in ("counts", "membranes"):
            found, before = getattr(actual, name)[core.core], getattr(expected, name)[core.core]
            np.testing.assert_array_equal(found[:, order], before)


# --- later ------------------------------------------------------------------------------------------------------------


@PROPERTY
@given(st.data())
def test_an_input_that_comes_later_gives_an_output_that_comes_later(data):
    spec = data.draw(specs(biases=False, decimators=True, max_spikes=None))
    recording = data.draw(events(spec))
    later = data.draw(st.integers(1, 5_000_000))
    order = data.draw(st.sampled_from(["depth", "breadth"]))
    delayed = Events(t=recording.t + later, c=recording.c, y=recording.y, x=recording.x)
    expected, actual = (simulate(spec, r, "event", order=order, record="all") for r in (recording, delayed))
    assert_same_totals(actual, expected)
    for name in ("spikes", "output_events"):
        for key, (listed,) in getattr(expected, name).items():
            shifted = Events(t=listed.t + later, c=listed.c, y=listed.y, x=listed.x)
            assert getattr(actual, name)[key] == (shifted,)


@PROPERTY
@given(st.data())
def test_steps_that_come_later_give_an_output_that_comes_later(data):
    # Without initial states: one above the threshold would fire in the silence.
    spec = data.draw(specs(biases=False, initial_states=False, decimators=True))
    raster = data.draw(rasters(spec))
    later = data.draw(st.integers(1, 2000))
    delayed = np.concatenate([np.zeros((later, *raster.shape[1:]), dtype=raster.dtype), raster])
    expected, actual = simulate(spec, raster, record="all"), simulate(spec, delayed, record="all")
    assert_same_totals(actual, expected)
    for core in spec.cores:
        assert not actual.rasters[core.core][:later].any()
        np.testing.assert_array_equal(actual.rasters[core.core][later:], expected.rasters[core.core])
