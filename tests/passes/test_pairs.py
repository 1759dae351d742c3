import nir
import numpy as np
import pytest

from by_hand import chain, conv, flatten, graph, neurons, scale, sink, source, sum_pool
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.passes import normalise
from nirdynap.passes.pairs import pairs


def refusals(drawn):
    with pytest.raises(CompileError) as caught:
        normalise(read(drawn, "torch"))
    return [(d.code, d.place) for d in caught.value.diagnostics]


def test_a_chain_of_cores_passes_unchanged():
    network = read(
        chain(**{"in": source(), "conv": conv(), "if": neurons(), "pool": sum_pool(2), "out": sink()}), "torch"
    )
    assert pairs(network) is network


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ({"a": conv(), "b": conv(channels=2, padding=1), "if": neurons()}, [("ND230", "$.nodes.a")]),
        ({"a": conv()}, [("ND206", "$.nodes.a")]),
        ({"a": conv(), "if": neurons(), "p": sum_pool(2), "if2": neurons()}, [("ND207", "$.nodes.if2")]),
        ({"if": neurons()}, [("ND207", "$.nodes.if")]),
        ({"a": conv(), "if": neurons(), "if2": neurons()}, [("ND207", "$.nodes.if2")]),
        ({"p": sum_pool(3), "a": conv(padding=1), "if": neurons()}, [("ND208", "$.nodes.p")]),
        ({}, [("ND218", "$.nodes.out")]),
        ({"flat": flatten()}, [("ND218", "$.nodes.out")]),
    ],
)
def test_what_is_no_core_is_refused_at_its_node(nodes, expected):
    assert refusals(chain(**{"in": source(), **nodes, "out": sink()})) == expected


def test_currents_of_convolutions_that_cannot_be_one_are_refused():
    nodes = {
        "in": source(),
        "a": conv(kernel=4),
        "b": conv(kernel=2, stride=2, padding=1),
        "if": neurons(),
        "out": sink(),
    }
    assert refusals(graph(nodes, "in -> a -> if -> out", "in -> b -> if")) == [("ND214", "$.nodes.if")]


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_current_that_arrives_twice_is_refused_and_not_halved(factor):
    nodes = {"in": source(), "a": conv(), "s": scale(factor), "if": neurons(), "out": sink()}
    assert refusals(graph(nodes, "in -> a -> if -> out", "a -> s -> if")) == [("ND214", "$.nodes.if")]


def test_a_convolution_with_two_targets_is_refused():
    nodes = {"in": source(), "a": conv(), "if": neurons(), "if2": neurons(), "out": sink(), "out2": sink()}
    assert refusals(graph(nodes, "in -> a -> if -> out", "a -> if2 -> out2")) == [("ND215", "$.nodes.a")]


def test_neurons_between_two_layers_of_weights_are_missed_by_name():
    """Called alone: in a row with the other passes such layers have become one."""
    network = read(
        chain(
            **{
                "in": source(),
                "a": conv(),
                "f": flatten(),
                "b": nir.Linear(np.ones((3, 72))),
                "if": neurons(),
                "out": sink(),
            }
        ),
        "torch",
    )
    with pytest.raises(CompileError) as caught:
        pairs(network)
    assert [(d.code, d.value, d.limit) for d in caught.value.diagnostics] == [("ND206", "a", "the weights b")]


def test_all_that_feeds_neurons_without_weights_is_named():
    nodes = {
        "in": source(),
        "a": conv(),
        "if": neurons(),
        "b": conv(),
        "if2": neurons(),
        "if3": neurons(),
        "out": sink(),
    }
    drawn = graph(nodes, "in -> a -> if -> if3 -> out", "in -> b -> if2 -> if3")
    with pytest.raises(CompileError) as caught:
        pairs(read(drawn, "torch"))
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.place) == ("ND207", "$.nodes.if3")
    assert sorted(finding.value.split(", ")) == ["IF if", "IF if2"]
