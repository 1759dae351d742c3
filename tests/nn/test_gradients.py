"""Gradients against closed forms, and against finite differences where a derivative is defined."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from nirdynap.nn import (
    Crop2d,
    IntegrateAndFire,
    NeuromorphicReLU,
    OverTime,
    Quantize,
    SpikingMaxPool2d,
    SumPool2d,
    reset_states,
)

GRID = 64  # currents are multiples of 1 / 64: float64 rounds none of their sums


def by_hand(currents, pull, *, threshold, amount, v_min, reset, many, window):
    """One neuron, forward and backward by the chain rule, one step at a time.

    Returns spikes, the last membrane, and d sum(pull * spikes) / d currents.
    """
    v, decided, spikes = 0.0, [], []
    for current in currents:
        u = v + current
        n = (u >= threshold) if not many else max(0.0, u // threshold)
        after = (0.0 if n else u) if reset == "zero" else u - n * amount
        v = after if v_min is None else max(after, v_min)
        decided.append((u, n, after))
        spikes.append(float(n))
    gradients, later = np.zeros(len(currents)), 0.0  # `later` is d loss / d v behind the step
    for t in reversed(range(len(currents))):
        u, n, after = decided[t]
        slope = 1 / threshold if u >= threshold - window else 0.0
        held = v_min is not None and after < v_min
        kept = 0.0 if held else (float(n == 0) if reset == "zero" else 1 - amount * slope)
        later = pull[t] * slope + later * kept
        gradients[t] = later
    return spikes, v, gradients


@settings(max_examples=150, deadline=None)
@given(
    currents=st.lists(st.integers(-2 * GRID, 3 * GRID), min_size=1, max_size=12),
    threshold=st.integers(1, 2 * GRID),
    amount=st.none() | st.integers(1, 2 * GRID),
    v_min=st.none() | st.integers(-2 * GRID, 0),
    reset=st.sampled_from(["subtract", "zero"]),
    spikes_per_step=st.sampled_from(["one", "many"]),
    window=st.none() | st.integers(0, 3 * GRID),
    seed=st.integers(0, 99),
)
def test_spikes_and_gradients_are_those_of_the_closed_form(
    currents, threshold, amount, v_min, reset, spikes_per_step, window, seed
):
    currents = [c / GRID for c in currents]
    threshold, amount, v_min, window = (None if x is None else x / GRID for x in (threshold, amount, v_min, window))
    amount = None if reset == "zero" else amount
    neurons = IntegrateAndFire(
        threshold, v_min=v_min, reset=reset, subtract=amount, spikes_per_step=spikes_per_step, window=window
    ).double()
    pull = np.random.default_rng(seed).standard_normal(len(currents))
    x = torch.tensor(currents, dtype=torch.float64).reshape(-1, 1, 1).requires_grad_()
    out = neurons(x)
    (out.flatten() * torch.from_numpy(pull)).sum().backward()
    spikes, v, gradients = by_hand(
        currents, pull, threshold=threshold, amount=threshold if amount is None else amount, v_min=v_min, reset=reset,
        many=spikes_per_step == "many", window=threshold if window is None else window,
    )  # fmt: skip
    assert out.flatten().tolist() == spikes
    assert neurons.v.item() == v
    np.testing.assert_allclose(x.grad.flatten().numpy(), gradients, rtol=1e-9, atol=1e-9)


@given(v=st.integers(0, 5 * GRID), threshold=st.integers(1, 2 * GRID))
def test_the_slope_of_many_spikes_is_that_of_the_stairs(v, threshold):
    """Over a whole stair, the finite difference of the spikes is what the gradient says at every point of it."""
    v, threshold = v / GRID, threshold / GRID
    x = torch.tensor([v, v + threshold], dtype=torch.float64).reshape(1, 1, 2).requires_grad_()
    spikes = IntegrateAndFire(threshold).double()(x)
    spikes.sum().backward()
    low, high = spikes.flatten().tolist()
    assert x.grad.flatten().tolist() == pytest.approx([(high - low) / threshold] * 2)


@pytest.mark.parametrize("many", ["one", "many"])
def test_gradients_pass_from_the_window_below_the_threshold_upwards(many):
    membranes = torch.tensor([-3.0, 0.99, 1.0, 1.5, 2.0, 9.0]).reshape(1, 1, 6).requires_grad_()
    IntegrateAndFire(2.0, window=1.0, spikes_per_step=many)(membranes).sum().backward()
    assert membranes.grad.flatten().tolist() == [0, 0, 0.5, 0.5, 0.5, 0.5]


def test_a_window_per_channel_follows_the_thresholds():
    neurons = IntegrateAndFire(torch.tensor([1.0, 4.0]).reshape(2, 1, 1), window=1.0)
    x = torch.full((1, 1, 2, 1, 1), 2.0, requires_grad=True)
    neurons(x).sum().backward()
    assert x.grad.flatten().tolist() == [1.0, 0.0]


@pytest.mark.parametrize("many", ["one", "many"])
def test_membranes_that_go_to_zero_have_a_derivative(many):
    torch.manual_seed(0)
    neurons = IntegrateAndFire(1.0, v_min=-0.5, reset="zero", spikes_per_step=many).double()

    def membranes(x):
        neurons.reset_states()
        neurons(x)
        return neurons.v

    assert gradcheck(membranes, torch.randn(6, 2, 3, dtype=torch.float64, requires_grad=True))


def test_gradients_flow_into_earlier_calls_where_the_graph_is_kept():
    torch.manual_seed(0)
    x, pull = torch.randn(7, 2, 3, dtype=torch.float64), torch.randn(7, 2, 3, dtype=torch.float64)
    gradients = {}
    for name, keep, chunks in (("whole", False, [x]), ("kept", True, x.split(1)), ("cut", False, x.split(1))):
        neurons = IntegrateAndFire(1.0, v_min=-1.0, window=0.5, keep_graph=keep).double()
        for _ in range(2):  # a second time, behind reset_states, nothing is left of the first
            parts = [chunk.clone().requires_grad_() for chunk in chunks]
            (torch.cat([neurons(part) for part in parts]) * pull).sum().backward()
            reset_states(neurons)
        gradients[name] = torch.cat([part.grad for part in parts])
    assert torch.equal(gradients["whole"], gradients["kept"])
    assert not torch.equal(gradients["whole"], gradients["cut"])


@pytest.mark.parametrize(
    "layer",
    [SumPool2d((2, 3)), Crop2d(((1, 0), (0, 2))), OverTime(Crop2d(((0, 1), (1, 0)))), SpikingMaxPool2d((2, 2)),
     NeuromorphicReLU(rounding="none")],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_finite_differences_agree(layer):
    torch.manual_seed(0)

    def run(x):
        reset_states(layer)
        return layer(x)

    assert gradcheck(run, torch.randn(3, 2, 2, 4, 5, dtype=torch.float64, requires_grad=True))


def test_what_rounds_lets_gradients_through():
    x = torch.tensor([-1.5, -0.25, 0.5, 2.5], requires_grad=True)
    for layer, expected in (
        (Quantize(), [1, 1, 1, 1]),
        (Quantize(0.25, rounding="nearest"), [1, 1, 1, 1]),
        (NeuromorphicReLU(), [0, 0, 1, 1]),
        (NeuromorphicReLU(rounding="stochastic", seed=0), [0, 0, 1, 1]),
    ):
        (gradient,) = torch.autograd.grad(layer(x).sum(), x)
        assert gradient.tolist() == expected
