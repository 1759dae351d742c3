import copy
import doctest
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import nirdynap
from frameworks.models import Merging, conv_net, counts
from nirdynap.errors import CompileError, InputError
from nirdynap.frameworks import export, traced
from nirdynap.frameworks.export import to_nir
from nirdynap.frameworks.traced import class_roots, lone, parts
from nirdynap.nn.layers import IntegrateAndFire, reset_states

X = counts(12, 3, 2, 8, 8)


@pytest.mark.parametrize("module", [export, traced])
def test_the_examples_in_the_docstrings_run(module):
    tried = doctest.testmod(module)
    assert tried.attempted > 0
    assert tried.failed == 0


def test_the_model_is_as_it_was():
    model = Merging().train()
    model(torch.from_numpy(X).float())  # membranes of another run, which hang on a graph of gradients
    before = {name: value.clone() for name, value in model.state_dict().items()}
    membranes = {n: m.v.clone() for n, m in model.named_modules() if isinstance(m, IntegrateAndFire)}
    hooks = [len(m._forward_hooks) for m in model.modules()]
    drawn = torch.random.get_rng_state()
    to_nir(model, X)
    assert model.training
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(drawn, torch.random.get_rng_state())
    assert hooks == [len(m._forward_hooks) for m in model.modules()]
    for name, value in model.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])
    assert all(torch.equal(model.get_submodule(name).v, v) for name, v in membranes.items())


def test_left_over_states_change_nothing():
    fresh, used = conv_net(), conv_net()
    used(torch.ones(4, 2, 2, 8, 8))
    ours, theirs = (to_nir(model, X).metadata["dynapcnn"]["proof"] for model in (fresh, used))
    assert ours == theirs


def test_two_traces_are_the_same():
    first, second = (nirdynap.read(to_nir(Merging(), X)).digest() for _ in range(2))
    assert first == second


def test_samples_of_every_kind():
    graphs = [to_nir(conv_net(), x) for x in (X, X.astype(np.float32), torch.from_numpy(X), X.tolist())]
    assert len({nirdynap.read(graph).digest() for graph in graphs}) == 1


@pytest.mark.parametrize("sample", [-X, X + 0.5, X[0], X[:0], X[:, :0], "counts"])
def test_bad_samples(sample):
    with pytest.raises(InputError, match=r"ND504 bad raster, at \$\.sample: "):
        to_nir(conv_net(), sample)


def test_pictures_are_no_spikes():
    with pytest.raises(InputError, match=r"the sample is float64, not whole numbers; try .*encoded first"):
        to_nir(conv_net(), X / 7)


def test_a_framework_that_there_is_not():
    with pytest.raises(CompileError, match=r"ND126 .*framework = 'brian'.*auto, norse"):
        to_nir(conv_net(), X, "brian")


def test_what_is_no_model():
    for thing in (lambda x: x, 3, object()):
        with pytest.raises(
            CompileError, match=r"ND801 .*a \w+ is no model; known frameworks are norse, .*try the model"
        ):
            to_nir(thing, X)
    with pytest.raises(CompileError, match=r"ND801 .*a OrderedDict holds weights, and no layers.*try the model, after"):
        to_nir(conv_net().state_dict(), X)


def test_two_frameworks_in_one_model():
    one = type("Leaky", (nn.Module,), {"__module__": "snntorch._neurons"})
    two = type("IAF", (nn.Module,), {"__module__": "sinabs.layers"})
    with pytest.raises(CompileError, match=r"ND801 .*Sequential, made of classes from .*sinabs, snntorch, torch"):
        to_nir(nn.Sequential(one(), two()), X)


def test_parts_of_models_that_are_no_torch_modules():
    class Layer:
        def __init__(self, *inner):
            self.inner = inner
            self.names = {"first": inner[0]} if inner else {}

        def __call__(self):
            pass

    leaf = Layer()
    model = Layer(leaf, Layer(leaf))
    assert len(parts(model)) == 3
    assert class_roots(model) == {__name__.partition(".")[0], "builtins"}


def test_equal_numbers_are_one_number():
    assert lone([2.0, 2.0]) == 2.0
    assert lone([1, 2]).tolist() == [1.0, 2.0]


def test_the_whole_way_to_the_chip():
    model = conv_net()
    spec = nirdynap.nir_to_dynapcnn(to_nir(model, X), "speck2f")
    assert spec.convention.name == "torch"
    counts_out = nirdynap.simulate(spec, X, semantics="clocked").raster
    reset_states(model)
    live = model.eval()(torch.from_numpy(X).float()).detach().numpy()
    assert counts_out.sum() == pytest.approx(live.sum(), rel=0.1)  # weights are 8-bit by then


def test_a_copy_that_fails_is_said_so():
    model = conv_net()
    model.log = (line for line in ())
    with pytest.raises(CompileError, match=r"ND806 .*it cannot be copied: TypeError: cannot pickle 'generator' object"):
        to_nir(model, X)


def test_import_loads_neither_torch_nor_nir():
    code = (
        "import sys, nirdynap, nirdynap.frameworks; assert not {'torch', 'nir'} & set(sys.modules); "
        "nirdynap.to_nir; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_copies_of_the_model_are_models_too():
    assert to_nir(copy.deepcopy(conv_net()), X).nodes.keys() == to_nir(conv_net(), X).nodes.keys()
