import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nirdynap.errors import InputError
from nirdynap.nn import SpikingMaxPool2d, reset_states


def by_hand(spikes, tall, wide):
    """Counts and leaders, neuron by neuron."""
    steps, batch, channels, height, width = spikes.shape
    out = np.zeros((steps, batch, channels, height // tall, width // wide))
    for b, c, y, x in np.ndindex(batch, channels, height // tall, width // wide):
        window = spikes[:, b, c, y * tall : (y + 1) * tall, x * wide : (x + 1) * wide].reshape(steps, -1)
        counts = [0] * window.shape[1]
        for t in range(steps):
            counts = [n + fired for n, fired in zip(counts, window[t], strict=True)]
            leaders = [i for i, n in enumerate(counts) if n == max(counts)]
            out[t, b, c, y, x] = max(window[t, i] for i in leaders)
    return out


def draw(seed, most, *shape):
    return np.random.default_rng(seed).integers(0, most + 1, shape).astype(np.float64)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(1, 9),
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    most=st.integers(1, 3),
    cut=st.integers(0, 9),
    seed=st.integers(0, 999),
)
def test_the_busiest_neuron_of_a_window_passes(steps, size, window, most, cut, seed):
    spikes = draw(seed, most, steps, 2, 2, *size)
    pool = SpikingMaxPool2d(window)
    whole = pool(torch.from_numpy(spikes)).numpy()
    assert np.array_equal(whole, by_hand(spikes, *window))
    reset_states(pool)
    parts = [pool(torch.from_numpy(part)).numpy() for part in (spikes[:cut], spikes[cut:])]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(pool.counts.numpy(), spikes.sum(axis=0))


def test_a_neuron_that_is_behind_does_not_pass_until_it_draws_level():
    spikes = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], dtype=torch.float32).reshape(5, 1, 1, 1, 2)
    assert SpikingMaxPool2d((1, 2))(spikes).flatten().tolist() == [1, 1, 0, 1, 1]


def test_gradients_flow_to_what_passed():
    spikes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]).reshape(3, 1, 1, 1, 2).requires_grad_()
    SpikingMaxPool2d((1, 2))(spikes).sum().backward()
    assert spikes.grad.reshape(3, 2).tolist() == [[1, 0], [0, 1], [0, 1]]


def test_counts_live_on_until_they_are_forgotten():
    pool = SpikingMaxPool2d(2)
    pool(torch.ones(1, 1, 1, 2, 2, requires_grad=True))
    assert copy.deepcopy(pool).counts.tolist() == [[[[1, 1], [1, 1]]]]
    with pytest.raises(InputError, match=r"ND507 .*reset_states"):
        pool(torch.ones(1, 2, 1, 2, 2))
    reset_states(torch.nn.Sequential(pool))
    assert pool(torch.ones(1, 2, 1, 2, 2)).shape == (1, 2, 1, 1, 1)


def test_small_maps_and_no_steps_are_empty():
    assert SpikingMaxPool2d(3)(torch.ones(2, 1, 4, 2, 7)).shape == (2, 1, 4, 0, 2)
    assert SpikingMaxPool2d(2)(torch.ones(0, 1, 4, 4, 4)).shape == (0, 1, 4, 2, 2)


def test_single_steps_and_other_windows_are_refused():
    with pytest.raises(InputError, match=r"ND513 .*\(2, 4, 4\) was given where a tensor \[time, batch.*OverTime"):
        SpikingMaxPool2d(2)(torch.ones(2, 4, 4))
    for size in (0, 1.5, (2, 2, 2), (2, 0), "2"):
        with pytest.raises(InputError, match=r"ND507 .*\$\.kernel_size"):
            SpikingMaxPool2d(size)
    assert repr(SpikingMaxPool2d((2, 3))) == "SpikingMaxPool2d(kernel_size=(2, 3))"
