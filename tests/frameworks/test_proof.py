"""A proof that cannot fail proves nothing: each property of the graph is changed in turn, and the proof must see it."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from frameworks.models import conv_net, counts
from nirdynap.errors import CompileError
from nirdynap.frameworks.plain_torch import trace
from nirdynap.frameworks.proof import prove
from nirdynap.frontend import read
from nirdynap.nn.layers import IntegrateAndFire, reset_states

X = counts(30, 2, 2, 8, 8)


def check(traced, sample=X, **overrides):
    return prove(read(traced.graph, **overrides), traced, sample)


def difference(traced, sample=X):
    with pytest.raises(CompileError) as caught:
        check(traced, sample)
    return next(d for d in caught.value.diagnostics if d.severity == "error")


def own(traced, name):
    return traced.graph.nodes[name].metadata["dynapcnn"]


def test_the_graph_as_it_was_traced_passes():
    assert check(trace(conv_net(), X)).rounding == 0


@pytest.mark.parametrize(
    ("change", "layer"),
    [
        (lambda t: t.graph.nodes["1"].v_threshold.__setitem__((2, 3, 4), 1 + 2**-6), "1"),
        (lambda t: t.graph.nodes["5"].v_threshold.__imul__(1 - 2**-6), "5"),
        (lambda t: t.graph.nodes["0.0"].weight.__setitem__((3, 1, 2, 2), 0.5 + 2**-6), "1"),
        (lambda t: t.graph.nodes["4"].bias.__setitem__(4, -0.5), "5"),
        (lambda t: t.graph.nodes["1"].r.__imul__(2), "1"),
        (lambda t: own(t, "1").update(reset="zero"), "1"),
        (lambda t: own(t, "1").update(v_min="none"), "1"),
        (lambda t: own(t, "1").update(v_min=-1.5), "1"),
        (lambda t: own(t, "1").update(tie="waits"), "1"),
        (lambda t: [own(t, n).update(spikes_per_step="one") for n in ("1", "5")], "1"),
        (lambda t: t.graph.edges.append(("input", "0.0")), None),
        (lambda t: t.spikes["5"].__setitem__((29, 1, 0), 7), "5"),
    ],
)
def test_every_change_is_seen_at_its_layer(change, layer):
    traced = trace(conv_net(), X)
    change(traced)
    if layer is None:  # a doubled edge is said by the reader, and counts once
        assert check(traced).rounding == 0
        return
    found = difference(traced)
    assert (found.code, found.place) == ("ND808", f"$.nodes.{layer}")


def test_the_first_difference_is_told_in_full():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), IntegrateAndFire())
    model[0].weight.data = torch.tensor([[1.0, 0.0], [0.0, 0.25]])
    sample = np.ones((8, 1, 2))
    traced = trace(model, sample.astype(np.int64))
    traced.graph.nodes["1"].v_threshold[1] = 0.75
    assert str(difference(traced, sample.astype(np.int64))).startswith(
        "ND808 graph differs from the live model, at $.nodes.1: step 2 of sample 0, neuron (1, 0, 0): 0 spikes in "
        "the model, 1 in the graph; the membrane is 0 from the threshold, rounding explains"
    )


def test_a_readout_is_compared():
    model = nn.Sequential(nn.Linear(2, 2), IntegrateAndFire(), nn.Linear(2, 1))
    sample = np.ones((4, 1, 2), dtype=np.int64)
    traced = trace(model, sample)
    traced.graph.nodes["2"].bias += 0.5
    assert difference(traced, sample).code == "ND809"


def in_float32(model, sample):
    """A traced model whose live run was made in float32, as JAX does."""
    traced = trace(model, sample)
    heard = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: heard.setdefault(name, out))
        for name, module in model.named_modules()
        if isinstance(module, IntegrateAndFire)
    ]
    reset_states(model)
    with torch.no_grad():
        model(torch.from_numpy(sample).float())
    for hook in hooks:
        hook.remove()
    spikes = {name: out.flatten(2).double().numpy() for name, out in heard.items()}
    return dataclasses.replace(traced, spikes=spikes, outputs={}, epsilon=2.0**-23)


@pytest.mark.parametrize("many", ["one", "many"])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_what_float32_rounds_is_counted_and_goes_no_further(many, reset):
    # Sums of tenths meet the thresholds again and again, and on which side is a matter of rounding.
    model = nn.Sequential(
        nn.Linear(6, 40, bias=False), IntegrateAndFire(0.3, reset=reset, spikes_per_step=many),
        nn.Linear(40, 9, bias=False), IntegrateAndFire(0.7, reset=reset, spikes_per_step=many),
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    for layer in (model[0], model[2]):
        layer.weight.data = torch.randint(-1, 3, layer.weight.shape, generator=generator) / 10
    sample = counts(40, 3, 6)
    traced = in_float32(model, sample)
    found = check(traced, sample)
    assert 0 < found.rounding < found.decisions / 5
    exact = dataclasses.replace(traced, epsilon=2.0**-52)
    assert difference(exact, sample).code == "ND808"
    traced.graph.nodes["3"].v_threshold *= 1.001
    assert difference(traced, sample).place == "$.nodes.3"


def test_a_late_layer_is_compared_late():
    """Where a convention delays each layer by a step, the model's own spikes come a step later too."""
    traced = trace(conv_net(), X)
    late = {name: np.concatenate([0 * spikes[:1], spikes[:-1]]) for name, spikes in traced.spikes.items()}
    first = dataclasses.replace(traced, spikes={**late, "5": traced.spikes["5"]}, outputs={})
    traced.graph.metadata["dynapcnn"]["convention"] = "spyx"
    traced.graph.nodes["3"].metadata = {"dynapcnn": {"flatten": "chw"}}
    assert difference(first).place == "$.nodes.5"
