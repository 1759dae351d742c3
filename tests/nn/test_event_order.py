"""Rasters that do not lean on the sum over a time step: no event is lost, and each is where it is said to be."""

import doctest

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nirdynap.errors import InputError
from nirdynap.ir.events import Events
from nirdynap.nn import event_order, jitter, single_event_steps, trainable
from nirdynap.testing import oracle
from nirdynap.testing.strategies import rasters, specs

PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


@st.composite
def drawn_rasters(draw):
    """Counts [time, batch, channel, y, x]; sometimes without a step or an event."""
    shape = draw(st.tuples(*(st.integers(low, 4) for low in (0, 1, 1, 1, 1))))
    numbers = draw(st.lists(st.integers(0, 3), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return torch.tensor(numbers, dtype=torch.int64).reshape(shape)


def test_the_examples_in_the_docstrings_run():
    tried = doctest.testmod(event_order)
    assert tried.attempted > 0
    assert tried.failed == 0


@PROPERTY
@given(drawn_rasters(), st.booleans(), st.integers(0, 9))
def test_each_event_has_a_step_of_its_own_behind_those_of_the_steps_before(raster, shuffle, seed):
    single = single_event_steps(raster, shuffle=shuffle, seed=seed)
    assert len(single) == raster.sum(dim=(0, 2, 3, 4)).max()
    for sample in range(raster.shape[1]):
        number = int(raster[:, sample].sum())
        assert (single[:number, sample].sum(dim=(1, 2, 3)) == 1).all()
        assert not single[number:, sample].any()
        begin = 0
        for step in raster[:, sample]:  # the events of each step are the next ones, as many at each address
            end = begin + int(step.sum())
            assert torch.equal(single[begin:end, sample].sum(dim=0), step.to(torch.float32))
            begin = end


@PROPERTY
@given(drawn_rasters())
def test_without_shuffling_the_order_is_that_of_the_list_of_events(raster):
    single = single_event_steps(raster)
    for sample in range(raster.shape[1]):
        events = Events.from_raster(raster[:, sample].numpy())
        places = single[:, sample].nonzero()
        assert places[:, 1:].tolist() == np.stack([events.c, events.y, events.x], axis=1).tolist()


def test_shuffling_stays_within_a_step_and_obeys_the_seed():
    raster = torch.ones(2, 1, 1, 1, 30)
    one, again, other = (single_event_steps(raster, shuffle=True, seed=s) for s in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one[:30], one[30:])


@PROPERTY
@given(st.data())
def test_one_core_then_does_what_it_does_in_an_event_run(data):
    """Where no membrane is left at its threshold, which only the steps of a clocked run would notice."""
    spec = data.draw(specs(max_cores=1, biases=False, initial_states=False, max_spikes=None))
    (core,) = spec.cores
    assume(len(spec.inputs) == 1 and core.weights.max() <= core.threshold_high)
    raster = data.draw(rasters(spec))
    steps = single_event_steps(torch.from_numpy(raster.copy()))
    activity = trainable(spec, spikes_per_step="one").activity(steps)
    recording = [Events.from_raster(raster[:, sample]) for sample in range(raster.shape[1])]
    expected = oracle.event(spec, recording)
    np.testing.assert_array_equal(activity.spikes[core.core].sum(dim=0).detach(), expected.counts[core.core])
    np.testing.assert_array_equal(activity.membranes[core.core], expected.membranes[core.core])


@PROPERTY
@given(drawn_rasters(), st.integers(1, 3), st.integers(0, 9))
def test_jitter_moves_events_in_time_alone(raster, steps, seed):
    moved = jitter(raster, steps, seed=seed)
    assert moved.shape == raster.shape
    assert torch.equal(moved.sum(dim=0), raster.sum(dim=0).to(torch.float32))
    # Up to each step, no more events have come than had steps later, and all those that had steps earlier.
    before, after = raster.cumsum(dim=0), moved.cumsum(dim=0)
    for step in range(len(raster)):
        assert (after[step] <= before[min(step + steps, len(raster) - 1)]).all()
        assert step < steps or (after[step] >= before[step - steps]).all()


def test_all_moves_of_jitter_are_equally_likely():
    raster = torch.zeros(9, 1, 1, 1, 4000)
    raster[4] = 1
    moved = jitter(raster, 2, seed=0).sum(dim=(1, 2, 3, 4))
    assert moved[[0, 1, 7, 8]].sum() == 0
    assert (abs(moved[2:7] - 800) < 100).all()
    assert torch.equal(jitter(raster, 2, seed=3), jitter(raster, 2, seed=torch.Generator().manual_seed(3)))
    ends = torch.ones(2, 1, 1, 1, 5)
    assert jitter(ends, 50, seed=0).sum() == 10


@pytest.mark.parametrize("call", [single_event_steps, lambda raster: jitter(raster, 1)])
def test_bad_rasters(call):
    for raster in (torch.zeros(2, 1, 1, 1), torch.zeros(2, 0, 1, 1, 1), torch.full((1, 1, 1, 1, 1), -1.0)):
        with pytest.raises(InputError, match="ND504"):
            call(raster)
    with pytest.raises(InputError, match="ND513"):
        call(np.zeros((2, 1, 1, 1, 1)))


@pytest.mark.parametrize("steps", [0, -1, 0.5, True])
def test_bad_steps(steps):
    with pytest.raises(InputError, match=r"ND507.*steps"):
        jitter(torch.zeros(2, 1, 1, 1, 1), steps)


def test_bad_seeds_are_refused_with_all_the_rest():
    with pytest.raises(InputError, match=r"ND507.*seed"):
        single_event_steps(torch.zeros(2, 1, 1, 1, 1), seed=-1)
    with pytest.raises(InputError) as caught:
        jitter(torch.zeros(2, 1, 1, 1, 1), 0, seed="one")
    assert [finding.place for finding in caught.value.diagnostics] == ["$.steps", "$.seed"]
