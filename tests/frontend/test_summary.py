"""The checksum of what went in is that of what came out, and any change of a weight shows."""

import dataclasses

import numpy as np
import pytest

from by_hand import chain, conv, flatten, neurons, simple, sink, source
from nirdynap.frontend import nir_reader, read
from nirdynap.frontend.raw import raw_from_graph
from nirdynap.frontend.summary import summary_of_graph, summary_of_network


def test_the_same_numbers_before_and_after():
    graph = simple()
    found, read_ = summary_of_graph(raw_from_graph(graph)), summary_of_network(read(graph, "torch"))
    assert found == read_
    assert (found.nodes, found.edges, found.weights) == (4, 3, 2 * 9 + 2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_width_of_numbers_does_not_matter(dtype):
    weight = conv().weight.astype(dtype)
    summary = summary_of_graph(raw_from_graph(simple(weight=weight)))
    assert summary == summary_of_graph(raw_from_graph(simple()))


def test_any_change_shows():
    graph = chain(**{"in": source(), "conv": conv(), "if": neurons(), "flat": flatten(), "out": sink()})
    before = summary_of_graph(raw_from_graph(graph)).checksum
    graph.nodes["conv"].weight[1, 0, 2, 2] += 2.0**-40
    after = summary_of_graph(raw_from_graph(graph)).checksum
    assert after != before
    graph.nodes["conv"].bias = graph.nodes["conv"].bias + 1
    assert summary_of_graph(raw_from_graph(graph)).checksum not in (before, after)


def test_the_reader_notices_a_weight_that_it_lost(monkeypatch):
    def careless(raw, makers, given):
        nodes, findings = careful(raw, makers, given)
        lost = [dataclasses.replace(n, weights=np.zeros_like(n.weights)) if n.name == "conv" else n for n in nodes]
        return tuple(lost), findings

    careful = nir_reader.shaped_nodes
    monkeypatch.setattr(nir_reader, "shaped_nodes", careless)
    with pytest.raises(AssertionError, match="a weight changed"):
        read(simple(), "torch")


@pytest.mark.parametrize("bias", [np.array(0.5), np.array([0.5]), np.array([0.5, 0.5])])
def test_one_bias_for_all_is_as_many_as_there_are_outputs(bias):
    graph = simple()
    graph.nodes["conv"].bias = bias
    network = read(graph, "torch")
    np.testing.assert_array_equal(network.node("conv").bias, [0.5, 0.5])
    assert summary_of_graph(raw_from_graph(graph)) == summary_of_network(network)
