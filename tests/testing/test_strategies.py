import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from nirdynap.chips.chip import load_chip
from nirdynap.chips.memory import memory_of
from nirdynap.ir.units import INT16_MAX, INT16_MIN, conv_output
from nirdynap.testing import oracle
from nirdynap.testing.strategies import events, rasters, specs, weights

RELAXED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
# Without the phase that explains: it tries other examples once more, of which `find` would return the last.
SHRINK = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
SEARCH = settings(SHRINK, max_examples=3000, phases=[Phase.generate])


@RELAXED
@given(specs(decimators=True))
def test_specs_are_valid(spec):
    chip = load_chip(spec.chip)
    order = {core.core: k for k, core in enumerate(spec.cores)}
    assert len(order) == len(spec.cores)
    heard = {port.core for port in spec.inputs}
    for k, core in enumerate(spec.cores):
        features, channels, rows, columns = core.weights.shape
        assert core.neuron_shape == (
            features,
            *conv_output(core.input_shape[1:], (rows, columns), core.stride, core.padding),
        )
        assert min(core.neuron_shape) >= 1
        assert channels == core.input_shape[0]
        assert rows == columns
        assert set(core.stride) <= set(chip.limits.strides)
        assert 1 <= core.threshold_high <= INT16_MAX
        assert INT16_MIN <= core.threshold_low <= -1
        assert len(core.destinations) <= chip.limits.destinations
        assert all(order[d.core] > k and d.pooling in chip.limits.poolings for d in core.destinations)
        assert core.memory == memory_of(
            weights_shape=core.weights.shape, neuron_shape=core.neuron_shape, has_bias=core.bias is not None
        )
        assert all(need <= room for need, room in zip(core.memory, core.capacity, strict=True))
        heard |= {d.core for d in core.destinations}
    assert heard == set(order)
    assert {c.core for c in spec.cores if not c.destinations} <= {port.core for port in spec.outputs}
    assert len({port.name for port in spec.outputs}) == len(spec.outputs)


def two_slots(spec):
    return any(len(core.destinations) == 2 for core in spec.cores)


def merged(spec):
    targets = [d.core for core in spec.cores for d in core.destinations]
    return len(targets) > len(set(targets))


def shifted(spec):
    return any(d.feature_shift for core in spec.cores for d in core.destinations)


def hidden_output(spec):
    return any(spec.core(port.core).destinations for port in spec.outputs)


@pytest.mark.parametrize("feature", [two_slots, merged, shifted, hidden_output, lambda spec: len(spec.inputs) > 1])
def test_specs_reach(feature):
    assert feature(find(specs(), feature, settings=SEARCH))


@pytest.mark.parametrize(
    "reached",
    [
        lambda result: any(s.saturated for s in result.stats.values()),
        lambda result: any(s.dropped for s in result.stats.values()),
        lambda result: any(raster.max(initial=0) > 1 for raster in result.rasters.values()),
    ],
    ids=["saturation", "drops", "several spikes in a step"],
)
def test_clocked_runs_reach(reached):
    runs = specs().flatmap(lambda spec: rasters(spec).map(lambda raster: oracle.clocked(spec, raster, record="all")))
    assert reached(find(runs, reached, settings=SEARCH))


def test_event_runs_tell_depth_from_breadth():
    def differ(case):
        spec, recording = case
        depth, breadth = (
            oracle.event(spec, recording, order=order, bias_clock_us=500).stats for order in ("depth", "breadth")
        )
        return depth != breadth

    cases = specs(min_cores=3, max_spikes=None).flatmap(lambda spec: st.tuples(st.just(spec), events(spec)))
    assert differ(find(cases, differ, settings=SEARCH))


def test_specs_shrink_to_one_plain_core():
    spec = find(specs(), lambda _: True, settings=SHRINK)
    (core,) = spec.cores
    assert core.weights.tolist() == [[[[1]]]]
    assert (core.bias, core.initial_state, core.threshold_high) == (None, None, 1)


@RELAXED
@given(specs(min_cores=2, chains=True))
def test_chains_are_chains(spec):
    links = [[d.core for d in core.destinations] for core in spec.cores]
    assert links == [*([core.core] for core in spec.cores[1:]), []]
    assert (len(spec.inputs), len(spec.outputs)) == (1, 1)


@RELAXED
@given(st.data())
def test_recordings_fit_the_input(data):
    spec = data.draw(specs())
    raster = data.draw(rasters(spec, max_count=2))
    assert raster.shape[2:] == spec.input_shape
    assert raster.size == 0 or 0 <= raster.min() <= raster.max() <= 2
    data.draw(events(spec)).check_inside(spec.input_shape)


@pytest.mark.parametrize(
    "arguments", [{"min_cores": 0}, {"max_cores": 10}, {"min_cores": 3, "max_cores": 2}, {"max_spikes": 0}]
)
def test_bad_arguments_of_specs(arguments):
    with pytest.raises(InvalidArgument):
        specs(**arguments)


@pytest.mark.parametrize("arguments", [{"min_steps": 3, "max_steps": 2}, {"max_batch": 0}, {"max_count": 128}])
def test_bad_arguments_of_rasters(arguments):
    with pytest.raises(InvalidArgument):
        rasters(None, **arguments)


@pytest.mark.parametrize("arguments", [{"max_events": -1}, {"max_gap_us": -1}])
def test_bad_arguments_of_events(arguments):
    with pytest.raises(InvalidArgument):
        events(None, **arguments)


@RELAXED
@given(st.data())
def test_weights_have_the_shape_and_the_bounds(data):
    drawn = data.draw(weights((2, 3, 1, 4), min_value=-5, max_value=9))
    assert (drawn.shape, drawn.dtype) == ((2, 3, 1, 4), np.int8)
    assert -5 <= drawn.min() <= drawn.max() <= 9
    assert not drawn.flags.writeable


def test_weights_shrink_to_ones():
    assert find(weights((1, 2, 1, 1)), lambda _: True, settings=SHRINK).ravel().tolist() == [1, 1]


@pytest.mark.parametrize("arguments", [{"min_value": -129}, {"max_value": 128}, {"min_value": 2, "max_value": 1}])
def test_bad_arguments_of_weights(arguments):
    with pytest.raises(InvalidArgument):
        weights((1, 1, 1, 1), **arguments)
    with pytest.raises(InvalidArgument):
        weights((1, 1, 0, 1))
