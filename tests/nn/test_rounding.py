import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nirdynap.errors import InputError
from nirdynap.nn import NeuromorphicReLU, Quantize, reset_states

VALUES = st.lists(st.floats(-1000, 1000, width=32), min_size=1, max_size=20)


@given(values=VALUES, step=st.sampled_from([1.0, 0.25, 0.3, 7.0]))
def test_values_become_multiples_of_the_step(values, step):
    x = torch.tensor(values, dtype=torch.float64)
    for rounding, oracle in (("floor", np.floor), ("nearest", np.rint)):
        assert np.array_equal(Quantize(step, rounding=rounding)(x).numpy(), oracle(x.numpy() / step) * step)


def test_halves_go_to_the_even_level():
    assert Quantize(rounding="nearest")(torch.tensor([0.5, 1.5, 2.5, -0.5])).tolist() == [0, 2, 2, 0]


@given(values=VALUES)
def test_the_relu_floors_and_counts(values):
    x = torch.tensor(values, dtype=torch.float64).reshape(-1, 1)
    for relu in (NeuromorphicReLU(fanout=3), NeuromorphicReLU(fanout=3, rounding="stochastic").eval()):
        out = np.floor(np.maximum(x.numpy(), 0))
        assert np.array_equal(relu(x).numpy(), out)
        assert relu.activity.item() == pytest.approx(out.sum() / len(out))
        assert relu.synaptic_operations.item() == pytest.approx(3 * out.sum() / len(out))


def test_stochastic_rounding_keeps_the_mean():
    x = torch.linspace(-1, 4, 51).repeat(4000, 1)
    out = NeuromorphicReLU(rounding="stochastic", seed=0)(x)
    floor = x.clamp(min=0).floor()
    assert ((out == floor) | (out == floor + 1)).all()
    assert torch.equal(out[:, x[0] == x[0].floor()], floor[:, x[0] == x[0].floor()].clamp(min=0))
    assert ((out.mean(0) - x[0].clamp(min=0)).abs() < 5 * 0.5 / 4000**0.5).all()


def test_seeds_say_what_is_drawn():
    x = torch.rand(50)
    fixed = NeuromorphicReLU(rounding="stochastic", seed=1)
    assert torch.equal(fixed(x), fixed(x))
    going = NeuromorphicReLU(rounding="stochastic", seed=torch.Generator().manual_seed(1))
    assert torch.equal(going(x), fixed(x))
    assert not torch.equal(going(x), fixed(x))


def test_a_loss_on_synaptic_operations_reaches_the_weights():
    x = torch.tensor([[0.5, 1.5, -1.0], [2.5, -3.0, 0.25]], requires_grad=True)
    relu = NeuromorphicReLU(fanout=6)
    relu(x)
    relu.synaptic_operations.backward()
    assert x.grad.tolist() == [[3, 3, 0], [3, 0, 3]]  # fan-out over the two items
    reset_states(nn.Sequential(relu))
    assert copy.deepcopy(relu).activity == 0
    assert "activity" not in relu.state_dict()


def test_no_items_are_no_activity():
    relu = NeuromorphicReLU()
    assert relu(torch.zeros(0, 3)).shape == (0, 3)
    assert relu.synaptic_operations == 0


def test_weights_are_trained_through_the_rounding():
    torch.manual_seed(0)
    layer = nn.Linear(2, 1, bias=False)
    nn.utils.parametrize.register_parametrization(layer, "weight", Quantize(1 / 8, rounding="nearest"))
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.3)
    x, wanted = torch.eye(2), torch.tensor([[0.375], [-0.75]])
    for _ in range(50):
        optimiser.zero_grad()
        (layer(x) - wanted).square().sum().backward()
        optimiser.step()
    assert layer.weight.tolist() == [[0.375, -0.75]]


def test_other_arguments_are_refused():
    with pytest.raises(InputError) as caught:
        NeuromorphicReLU(fanout=-1, rounding="up", seed="one")
    assert [d.place for d in caught.value.diagnostics] == ["$.fanout", "$.rounding", "$.seed"]
    with pytest.raises(InputError) as caught:
        Quantize(0, rounding="stochastic")
    assert [d.place for d in caught.value.diagnostics] == ["$.step", "$.rounding"]


def test_settings_are_printed():
    assert repr(Quantize(0.25)) == "Quantize(step=0.25, rounding=floor)"
    assert repr(NeuromorphicReLU(fanout=9)) == "NeuromorphicReLU(fanout=9, rounding=floor)"
