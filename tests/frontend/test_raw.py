"""Whatever object comes in: its facts are copied, or it is refused; never a traceback."""

from types import SimpleNamespace

import nir
import numpy as np
import pytest
import torch

from by_hand import chain, conv, facts, graph, neurons, sink, source
from nirdynap.compile import check
from nirdynap.errors import CompileError
from nirdynap.frontend.raw import natural, raw_from_graph


def simple():
    return chain(**{"in": source(), "conv": conv(), "if": neurons(), "out": sink()})


def findings(drawn, **options):
    return [(d.code, d.place) for d in check(drawn, convention="torch", **options).diagnostics]


def test_everything_is_copied_and_nothing_of_the_callers_is_changed():
    drawn = simple()
    before = facts(drawn)
    raw = raw_from_graph(drawn)
    (weight,) = (n.fields["weight"] for n in raw.nodes if n.name == "conv")
    weight += 1
    assert facts(drawn) == before


def test_nodes_come_in_natural_order():
    assert sorted(["10", "2", "1", "a10", "a9", "a"], key=natural) == ["1", "2", "10", "a", "a9", "a10"]


@pytest.mark.parametrize("thing", [None, 5, "graph", [], {"nodes": {}}, SimpleNamespace(nodes=[], edges=[])])
def test_what_is_no_graph(thing):
    with pytest.raises(CompileError, match="ND102"):
        raw_from_graph(thing)


@pytest.mark.parametrize("edges", [[("in",)], [1, 2], ["abc"], [("a", "b", "c")]])
def test_what_are_no_edges(edges):
    with pytest.raises(CompileError, match=r"ND102 .* \$\.edges"):
        raw_from_graph(SimpleNamespace(nodes={}, edges=edges))


def test_edges_may_be_a_set():
    drawn = simple()
    drawn.edges = set(drawn.edges)
    assert findings(drawn) == []


def test_a_graph_that_holds_itself():
    drawn = simple()
    drawn.nodes["again"] = drawn
    assert findings(drawn) == [("ND102", "$")]


def test_names_that_are_not_strings_are_taken_unless_two_become_one():
    nodes = {0: source(), 1: conv(), 2: neurons(), 3: sink()}
    drawn = nir.NIRGraph(nodes, [(0, 1), (1, 2), (2, 3)], type_check=False)
    assert findings(drawn) == []
    drawn.nodes["1"] = conv()
    assert findings(drawn) == [("ND102", "$.nodes.1")]


@pytest.mark.parametrize(
    ("node", "code"),
    [(None, "ND102"), (5, "ND105"), ("conv", "ND105"), (SimpleNamespace(weight=1), "ND105"), (nir.Conv2d, "ND105")],
)
def test_nodes_that_are_none(node, code):
    drawn = simple()
    drawn.nodes["conv"] = node
    assert findings(drawn) == [(code, "$.nodes.conv")]


@pytest.mark.parametrize("metadata", [None, "text", 5, {"other": {"reset": 3}}, {"dynapcnn": {}}])
def test_metadata_that_is_not_ours_has_no_effect(metadata):
    drawn = simple()
    drawn.nodes["if"].metadata = metadata
    assert findings(drawn) == []


@pytest.mark.parametrize("ours", ["zero", {"resett": "zero"}, {"reset": "zero", 3: 4}])
def test_metadata_of_ours_that_has_no_effect_is_a_warning(ours):
    drawn = simple()
    drawn.nodes["if"].metadata = {"dynapcnn": ours}
    assert findings(drawn) == [("ND119", "$.nodes.if")]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_torch_tensors_of_any_float_with_a_gradient(dtype):
    drawn = simple()
    weight = torch.tensor(drawn.nodes["conv"].weight, dtype=dtype, requires_grad=True)
    plain = check(drawn, convention="torch").digest
    drawn.nodes["conv"].weight = weight
    assert check(drawn, convention="torch").digest == plain
    assert weight.requires_grad


@pytest.mark.parametrize(
    "weight",
    [[[1.0, 2.0], [3.0]], "ones", None, np.ones((2, 1, 3, 3), complex), [], object(), np.full((2, 1, 3, 3), None)],
)
def test_weights_that_are_no_numbers(weight):
    drawn = simple()
    drawn.nodes["conv"].weight = weight
    assert findings(drawn) == [("ND106", "$.nodes.conv")]


@pytest.mark.parametrize("shape", [None, "big", [[8, 8], [8]], np.array([None]), {}])
def test_input_types_that_are_none(shape):
    drawn = graph({"in": source(), "conv": conv(), "if": neurons(), "out": sink()}, "in -> conv -> if -> out")
    drawn.nodes["in"].input_type = {"input": shape}
    assert findings(drawn) == [("ND117", "$.nodes.in")]
    drawn.nodes["in"].input_type = shape
    assert findings(drawn) == [("ND117", "$.nodes.in")]
    assert findings(drawn, input_shape=(1, 8, 8)) == []
