import copy
import doctest

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nirdynap.errors import InputError
from nirdynap.interpret.nodes import integrate_and_fire
from nirdynap.ir.network import IF
from nirdynap.nn import layers
from nirdynap.nn.layers import IntegrateAndFire, OverTime, SumPool2d, reset_states
from nirdynap.nn.max_pooling import SpikingMaxPool2d


def test_the_examples_in_the_docstrings_run():
    tried = doctest.testmod(layers)
    assert tried.attempted > 2
    assert tried.failed == 0


@given(
    currents=st.lists(st.integers(-160, 160), min_size=6, max_size=24),
    threshold=st.integers(1, 160),
    v_min=st.none() | st.integers(-160, 0),
    reset=st.sampled_from(["subtract", "zero"]),
    spikes_per_step=st.sampled_from(["one", "many"]),
)
def test_neurons_do_what_the_reference_does(currents, threshold, v_min, reset, spikes_per_step):
    currents = np.array(currents[: len(currents) // 6 * 6], dtype=np.float64).reshape(-1, 2, 3, 1, 1) / 64
    full = np.full((3, 1, 1), threshold / 64)
    node = IF(
        name="n", origin=("n",), input_shape=(3, 1, 1), threshold=full, gain=np.ones((3, 1, 1)),
        v_min=None if v_min is None else np.full((3, 1, 1), v_min / 64), reset=reset, tie="fires",
    )  # fmt: skip
    rest = np.zeros(currents.shape[1:])
    spikes, membranes, _ = integrate_and_fire(node, currents, rest, spikes_per_step=spikes_per_step, delay=0)
    neurons = IntegrateAndFire(
        threshold / 64, v_min=None if v_min is None else v_min / 64, reset=reset, spikes_per_step=spikes_per_step
    )
    ours = neurons(torch.from_numpy(currents).float())
    assert np.array_equal(ours.numpy(), spikes)
    assert np.array_equal(neurons.v.numpy(), membranes)


def test_membranes_live_on_until_they_are_forgotten():
    neurons, half = IntegrateAndFire(), torch.full((1, 1, 1), 0.5)
    assert [neurons(half).item() for _ in range(3)] == [0, 1, 0]
    reset_states(nn.Sequential(neurons))
    assert [neurons(half).item() for _ in range(2)] == [0, 1]


def test_a_threshold_per_channel_is_saved_with_the_weights():
    neurons = IntegrateAndFire(torch.tensor([1.0, 2.0]).reshape(2, 1, 1))
    other = IntegrateAndFire(torch.ones(2, 1, 1))
    other.load_state_dict(neurons.state_dict())
    assert other(torch.full((1, 1, 2, 1, 1), 2.0)).flatten().tolist() == [2, 1]
    assert "v" not in neurons.state_dict()


def test_gradients_flow_through_spikes_and_not_into_earlier_calls():
    many, one = IntegrateAndFire(2.0), IntegrateAndFire(2.0, spikes_per_step="one")
    for neurons, expected in ((many, [0.0, 0.5, 0.5]), (one, [0.0, 0.5, 0.5])):
        currents = torch.tensor([[[-1.0, 3.0, 5.0]]], requires_grad=True)
        neurons(currents).sum().backward()
        assert currents.grad.flatten().tolist() == expected
        neurons(torch.ones(1, 1, 3)).sum()  # no gradient is kept from before


def test_a_network_in_training_can_be_copied_after_its_states_are_forgotten():
    neurons = IntegrateAndFire()
    neurons(torch.ones(2, 1, 1, requires_grad=True))
    reset_states(neurons)
    assert copy.deepcopy(neurons).v is None


def test_another_batch_is_refused_while_membranes_are_kept():
    neurons = IntegrateAndFire()
    neurons(torch.zeros(1, 2, 3))
    with pytest.raises(InputError, match=r"ND507 .*reset_states"):
        neurons(torch.zeros(1, 4, 3))


def test_everything_that_the_chip_has_nothing_for_is_refused_at_once():
    with pytest.raises(InputError) as caught:
        IntegrateAndFire(0.0, v_min=1.0, reset="half", subtract=0.5, spikes_per_step="few", window=-1.0)
    names = ["threshold", "v_min", "reset", "subtract", "spikes_per_step", "window"]
    assert [d.place for d in caught.value.diagnostics] == [f"$.{name}" for name in names]
    for wrong in ({"subtract": 0.0}, {"subtract": float("inf")}, {"subtract": 1.0, "reset": "zero"}):
        with pytest.raises(InputError, match=r"ND507 .*\$\.subtract"):
            IntegrateAndFire(**wrong)


def test_settings_are_printed():
    assert "threshold=0.5, v_min=-1, reset=zero" in repr(IntegrateAndFire(0.5, v_min=-1, reset="zero"))
    assert "threshold=(2, 1, 1)" in repr(IntegrateAndFire(torch.ones(2, 1, 1)))
    own = repr(IntegrateAndFire(subtract=0.5, window=0.25, keep_graph=True))
    assert own.endswith("subtract=0.5, spikes_per_step=many, window=0.25, keep_graph=True)")
    assert repr(SumPool2d((2, 3))) == "SumPool2d(kernel_size=(2, 3))"


def test_sums_are_whole_for_every_window():
    counts = torch.randint(0, 9, (2, 3, 4, 15, 21)).float()
    sums = SumPool2d((5, 7))(counts)
    assert torch.equal(sums, counts.reshape(2, 3, 4, 3, 5, 3, 7).sum(dim=(-3, -1)))


def test_layers_without_time_are_lent_to_each_step():
    conv, x = nn.Conv2d(2, 3, 3), torch.rand(4, 5, 2, 6, 6)
    over = OverTime(conv, nn.Flatten())(x)
    assert over.shape == (4, 5, 48)
    assert torch.allclose(over[3, 1], conv(x[3, 1:2]).flatten(), atol=1e-6)


# --- what is no recording, and no layer -------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [np.zeros((3, 1, 1)), [[0.0]], torch.ones(3)])
@pytest.mark.parametrize("layer", [IntegrateAndFire(), OverTime(nn.ReLU())])
def test_a_recording_has_time_and_batch(layer, given):
    with pytest.raises(InputError, match=r"^ND513 .*\[time, batch, \.\.\.\]"):
        layer(given)


def test_a_recording_of_no_steps_has_no_spikes():
    neurons = IntegrateAndFire()
    assert neurons(torch.zeros(0, 2, 3)).shape == (0, 2, 3)
    assert neurons(torch.ones(1, 2, 3)).sum() == 6


@pytest.mark.parametrize("size", [0, -1, (2, 0), (2,), 1.5, "2"])
def test_a_window_has_whole_sides(size):
    with pytest.raises(InputError, match=r"^ND507 .*kernel_size"):
        SumPool2d(size)


@pytest.mark.parametrize("options", [{"threshold": "a"}, {"subtract": [None]}])
def test_amounts_are_numbers(options):
    with pytest.raises(InputError, match=r"^ND507 .*positive numbers"):
        IntegrateAndFire(**options)


@pytest.mark.parametrize(
    "layer", [IntegrateAndFire(), nn.Sequential(nn.ReLU(), IntegrateAndFire()), SpikingMaxPool2d(2)]
)
def test_layers_that_know_time_are_not_applied_to_each_step(layer):
    with pytest.raises(InputError, match=r"^ND513 .*without time"):
        OverTime(layer)
