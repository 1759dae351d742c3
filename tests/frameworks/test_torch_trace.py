"""A framework made up here: neurons that hand out their membranes, one step per call, and modules of its own."""

import dataclasses

import nir
import numpy as np
import pytest
import torch
from torch import nn

from frameworks.models import counts, on_grid
from nirdynap.errors import NO_COUNTERPART, CompileError, node_place
from nirdynap.frameworks.dialect import Dialect
from nirdynap.frameworks.proof import prove
from nirdynap.frameworks.torch_trace import trace_torch
from nirdynap.frameworks.traced import settings
from nirdynap.frontend import read

X = counts(25, 2, 6)


class Neuron(nn.Module):
    def __init__(self, threshold=1.0):
        super().__init__()
        self.threshold, self.v = threshold, None

    def forward(self, x, v=None):
        self.v = x if self.v is None else self.v + x
        spikes = (self.v >= self.threshold).float()
        self.v = self.v - spikes * self.threshold
        return self.v, spikes


class Plus(nn.Module):
    def forward(self, x, y):
        return x.add(y) if bool((x == x).all()) else y  # a branch over data: only as a whole is it known


class Nothing(Plus):
    def forward(self, x):
        return super().forward(x, 0)


def neuron(name, module, shape):
    if module.threshold > 9:
        found = {"parameter": "threshold", "value": module.threshold, "limit": "less"}
        raise CompileError([NO_COUNTERPART.at(node_place(name), **found)])
    own = settings(tie="fires", reset="subtract", v_min="none", spikes_per_step="one")
    return nir.IF(np.ones(shape), np.full(shape, module.threshold), metadata=own)


def forget(model):
    for module in model.modules():
        if isinstance(module, Neuron):
            module.v = None


DIALECT = Dialect(
    framework="frameworks",  # as the package that these classes come from
    version="1",
    convention="torch",
    is_neuron=lambda module: isinstance(module, Neuron),
    neuron=neuron,
    prepare=lambda model: model,
    reset=forget,
    calls=lambda _, steps: iter(steps),
    takes="one step",
    spike_item=1,
    identity=lambda module: isinstance(module, Nothing),
    merge=lambda module: type(module) is Plus,
)


class Net(nn.Module):
    def __init__(self, threshold=1.0):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.first, self.second, self.third = Neuron(threshold), Neuron(0.5), Neuron(threshold)
        self.plus, self.nothing = Plus(), Nothing()
        on_grid(self)

    def forward(self, x, memory=None):
        if memory is not None:
            x = x + memory
        _, s = self.first(self.a(x))
        v, t = self.second(self.b(self.nothing(s)))
        return {"spikes": self.third(self.c(self.plus(s, t))), "membrane": v}


def test_steps_states_and_modules_of_a_framework():
    model = Net()
    model(torch.zeros(3, 6))
    traced = trace_torch(model, X, DIALECT)
    assert set(traced.graph.nodes) == {"input", "a", "b", "c", "first", "second", "third", "output"}
    assert {("first", "c"), ("second", "c"), ("third", "output")} <= set(traced.graph.edges)
    proof = prove(read(traced.graph), traced, X)
    assert (proof.rounding, proof.layers, proof.steps) == (0, 3, 25)
    assert proof.silent == ""
    assert model.first.v.shape == (3, 4)


class Reading(Net):
    """Computes with a membrane, and feeds it to a layer."""

    def forward(self, x):
        v, s = self.first(self.a(x))
        _, t = self.second(self.b(v))
        return s + t * (v - 1)


class Feeding(Net):
    """Hands spikes to a neuron as its state."""

    def forward(self, x):
        _, s = self.first(self.a(x))
        return self.second(self.b(s), s)[1]


class Adding(Net):
    def forward(self, x):
        _, s = self.first(self.a(x))
        return self.second(self.plus(s, s))[1]


class Own(nn.Module):
    """A module of the framework that is told as a whole, whatever goes on in it."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(6, 6)

    def forward(self, x):
        return self.inner(x.exp())


def codes(model, dialect=DIALECT):
    with pytest.raises(CompileError) as caught:
        trace_torch(model, X, dialect)
    return {(d.code, d.place.removeprefix("$.nodes.")) for d in caught.value.diagnostics}


def test_states_belong_to_their_neurons():
    assert codes(Reading()) == {("ND803", "b"), ("ND802", "sub"), ("ND802", "mul")}
    assert codes(Feeding()) == {("ND802", "second")}
    assert codes(Adding()) == {("ND802", "plus")}


def test_every_neuron_is_asked_even_behind_something_unknown():
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), Neuron(10.0))
    assert codes(model) == {("ND802", "1"), ("ND807", "2")}


def test_modules_that_fail_on_the_way_are_named_rather_than_the_failure():
    class Failing(Net):
        def forward(self, x):
            raise RuntimeError("not today")

    model = Failing(threshold=10.0)
    assert codes(model) == {("ND807", "first"), ("ND807", "third")}
    assert codes(Failing()) == {("ND806", "$")}


def test_a_framework_module_is_named_as_a_whole():
    home = Own.__module__.partition(".")[0]
    dialect = dataclasses.replace(DIALECT, framework=home)
    assert codes(nn.Sequential(Own(), Neuron()), dialect) == {("ND802", "0")}


class Doubling(nn.Linear):
    """Computes with other weights than it holds."""

    def forward(self, x):
        return nn.functional.linear(x, 2 * self.weight)


class Two(nn.Module):
    """Two neurons, and between them an operation and a layer; the first neuron fires if it `fires`."""

    def __init__(self, layer=None, operation=lambda y: y, fires=True):
        super().__init__()
        self.a, self.first, self.layer, self.second = nn.Linear(6, 6), Neuron(), layer or nn.Linear(6, 6), Neuron()
        self.operation = operation
        nn.init.constant_(self.a.weight, float(fires))

    def forward(self, x):
        _, spikes = self.first(self.a(x))
        return self.second(self.layer(self.operation(spikes)))[1]


def hooked():
    layer = nn.Linear(6, 6, bias=False)
    layer.register_forward_hook(lambda module, args, out: out * 2)
    return layer


@pytest.mark.parametrize("fires", [True, False])
@pytest.mark.parametrize("layer", [Doubling(6, 6, bias=False), hooked()])
def test_a_layer_that_does_otherwise_than_its_parameters_say_is_refused_though_nothing_comes(layer, fires):
    assert codes(Two(layer, fires=fires)) == {("ND802", "layer")}


@pytest.mark.parametrize(
    "operation",
    [
        lambda y: y.type(torch.bool).type(torch.float64),
        lambda y: y.int().double(),
        lambda y: nn.functional.dropout(y, 0.5, True),
    ],
)
@pytest.mark.parametrize("fires", [True, False])
def test_what_keeps_the_spikes_of_the_sample_only_is_refused(operation, fires):
    assert {code for code, _ in codes(Two(operation=operation, fires=fires))} == {"ND802"}


def test_what_keeps_all_values_is_nothing():
    model = Two(operation=lambda y: nn.functional.dropout(y.clone(), 0.5, False).float())
    assert set(trace_torch(model, X, DIALECT).graph.nodes) == {"a", "first", "layer", "second", "input", "output"}


def test_weights_that_are_computed_are_taken_as_they_come():
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 6)), Neuron())
    assert set(trace_torch(model, X, DIALECT).graph.nodes) == {"0", "1", "input", "output"}
