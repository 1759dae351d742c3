"""The model that runs is the user's own, wherever somebody holds on to its modules; and it is left as it was."""

import copy
from typing import ClassVar

import pytest
import torch
from torch import nn

from nirdynap.errors import CompileError
from nirdynap.frameworks.lent import lent


class Counting(nn.Module):
    """Listed in its class, as snnTorch's neurons are; with every kind of attribute."""

    everyone: ClassVar[list[nn.Module]] = []

    def __init__(self):
        super().__init__()
        self.everyone.append(self)
        self.layer, self.calls, self.total = nn.Linear(2, 2), [], 0
        self.register_buffer("state", torch.zeros(2))
        self.own = self.count  # a method of this very module

    def count(self, x):
        self.calls.append(len(x))
        self.total += 1
        self.state += 1.0
        return self.layer(x)

    def forward(self, x):
        for module in self.everyone:
            module.total += 100
        return self.own(x)


@pytest.fixture
def model():
    Counting.everyone.clear()
    return nn.Sequential(Counting(), nn.ReLU())


def test_the_modules_are_the_same_and_their_attributes_are_not(model):
    before, weight = {name: vars(m) for name, m in model.named_modules()}, model[0].layer.weight
    with lent(model):
        model.double().eval()
        model(torch.zeros(3, 2, dtype=torch.float64))
        assert (model[0].calls, model[0].total, model[0].state.tolist()) == ([3], 101, [1.0, 1.0])
        assert Counting.everyone[0] is model[0]
        assert model[0].layer.weight is not weight
    assert all(vars(m) is before[name] for name, m in model.named_modules())
    assert (model[0].calls, model[0].total, model[0].state.tolist()) == ([], 0, [0.0, 0.0])
    assert model[0].layer.weight is weight
    assert (weight.dtype, model.training) == (torch.float32, True)


def test_a_deep_copy_would_be_another_model(model):
    """Why models run on lent attributes: what is held outside knows nothing of copies."""
    other = copy.deepcopy(model)
    other(torch.zeros(3, 2))
    assert (other[0].total, model[0].total) == (1, 100)


def test_what_is_shared_stays_shared(model):
    model.add_module("again", nn.Linear(2, 2))
    model.again.weight = model[0].layer.weight
    model.add_module("same", model[1])
    with lent(model):
        assert model.again.weight is model[0].layer.weight
        assert model.same is model[1]


def test_an_error_inside_changes_nothing(model):
    before = vars(model[0])
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), lent(model):
        model(torch.zeros(3, 7))
    assert (vars(model[0]) is before, model[0].total) == (True, 0)


def test_states_that_hang_on_gradients_are_lent_too(model):
    model[0].kept = {"states": [model[0].layer(torch.ones(1, 2))]}
    with lent(model):
        assert not model[0].kept["states"][0].requires_grad
    assert model[0].kept["states"][0].requires_grad


def test_what_cannot_be_copied_is_told(model):
    model[0].log = (line for line in ())
    before = vars(model[0])
    with pytest.raises(CompileError, match=r"ND806 .*it cannot be copied: TypeError"), lent(model):
        pass
    assert vars(model[0]) is before
