"""The first rung: what a framework gave, as arrays and live."""

from __future__ import annotations

from itertools import pairwise

import nir
import numpy as np
import pytest

import nirdynap
from nirdynap.errors import InputError
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from nirdynap.ir.convention import Convention
from nirdynap.verify import Verification, verify

RASTER = np.random.default_rng(11).poisson(0.5, (15, 4, 3, 1, 1))
LATE = Convention(name="late", delay=1)


def network() -> nir.NIRGraph:
    rng = np.random.default_rng(12)
    nodes = {
        "in": nir.Input({"input": np.array([3])}),
        "fc1": nir.Linear(rng.normal(0.3, 0.5, (4, 3))),
        "if1": nir.IF(np.ones(4), np.ones(4)),
        "fc2": nir.Linear(rng.normal(0.3, 0.5, (2, 4))),
        "if2": nir.IF(np.ones(2), np.ones(2)),
        "out": nir.Output({"output": np.array([2])}),
    }
    return nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False)


def said(convention: str | Convention, more: int = 0) -> dict[str, np.ndarray]:
    """What a framework of that convention gives: spikes [time, sample, n] of each layer, `more` steps longer."""
    longer = np.concatenate([RASTER, np.zeros((more, *RASTER.shape[1:]), int)])
    rasters = interpret(read(network(), convention), longer, record="all").rasters
    return {name: raster[..., 0, 0] for name, raster in rasters.items()}


def checked(framework: object, convention: str | Convention = "torch") -> Verification:
    outcome = verify(network(), "speck2f", RASTER, convention=convention, framework=framework, labels=[0, 1, 0, 1])
    first, second, *_ = outcome.rungs
    assert (first.name, second.name) == ("framework", "float")
    return outcome


@pytest.mark.parametrize("given", ["every layer", "counts", "output", "one array"])
def test_outputs_of_the_same_network(given: str):
    spikes = said("torch")
    forms = {
        "every layer": spikes,
        "counts": {"if1": spikes["if1"].sum(axis=0), "out": spikes["if2"].sum(axis=0)},
        "output": {"out": spikes["if2"]},
        "one array": spikes["if2"].sum(axis=0).astype(np.float32),
    }
    outcome = checked(forms[given])
    pair = outcome.comparisons[0]
    assert pair.first_difference is None
    assert [a.layer for a in pair.layers] == (["fc1", "fc2"] if given in ("every layer", "counts") else ["fc2"])
    assert all(a.equal == a.neurons and a.spikes > 5 for a in pair.layers)
    assert pair.same_decisions == ({} if given == "every layer" else {"out": 4})
    assert outcome.waterfall.rungs[0] == ("float" if given == "every layer" else "framework")
    assert not [note for note in outcome.notes if note.code == "ND703"]


def test_the_wrong_convention_is_told():
    spikes = said("torch")
    outcome = checked(spikes, "spikingjelly")
    (note,) = (note for note in outcome.notes if note.code == "ND703")
    assert (note.severity, note.place) == ("warning", "$.nodes.fc1")
    at = outcome.comparisons[0].first_difference
    assert at is not None
    assert str(at) in note.found
    assert at.step is not None
    assert at.reference == spikes["if1"][at.step, at.sample, at.channel]


def test_layers_that_answer_late_need_their_time():
    spikes = said(LATE, more=2)
    outcome = checked({"if1": spikes["if1"][:16], "if2": spikes["if2"]}, LATE)
    assert outcome.comparisons[0].first_difference is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fc1": np.zeros((4, 4))}, "no neuron or Output node"),
        (np.zeros((3, 2)), "4 samples"),
        (np.zeros((14, 4, 2)), "15 steps"),
        (np.zeros(4), "expected"),
        ({"if1": np.full((4, 4), 0.5)}, "whole numbers"),
        ([["a", "b"]] * 4, "no array of numbers"),
    ],
)
def test_outputs_that_do_not_fit(given: object, words: str):
    with pytest.raises(InputError, match=words) as caught:
        checked(given)
    assert [d.code for d in caught.value.diagnostics] == ["ND706"]


def live() -> object:
    torch = pytest.importorskip("torch")
    from nirdynap.nn.layers import IntegrateAndFire

    torch.manual_seed(3)
    layers = [torch.nn.Linear(3, 4, bias=False), IntegrateAndFire(), torch.nn.Linear(4, 2, bias=False)]
    return torch.nn.Sequential(*layers, IntegrateAndFire())


def test_a_live_model_and_its_graph():
    model = live()
    graph = nirdynap.to_nir(model, RASTER[..., 0, 0])
    outcome = verify(graph, "speck2f", RASTER, framework=model)
    pair = outcome.comparisons[0]
    assert pair.first_difference is None
    assert len(pair.layers) == 2
    assert [*pair.same_decisions.values()] == [4]


def test_a_live_model_of_other_names():
    outcome = verify(network(), "speck2f", RASTER, convention="torch", framework=live())
    assert [a.layer for a in outcome.comparisons[0].layers] == ["fc2"]  # the output is there under any name
    assert outcome.comparisons[0].first_difference is not None
    assert "ND703" in {note.code for note in outcome.notes}
