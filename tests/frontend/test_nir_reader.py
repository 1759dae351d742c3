"""Reading as a whole: a graph and its file are the same network, and neither order nor names matter."""

from __future__ import annotations

import dataclasses

import hypothesis.strategies as st
import nir
import pytest
from hypothesis import given, settings

from by_hand import chain, conv, facts, neurons, relabelled, sink, source
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.convention import CONVENTIONS
from nirdynap.testing.graphs import networks


def simple():
    return chain(**{"in": source(), "conv": conv(), "if": neurons(), "out": sink()})


def without_names(network):
    return [dataclasses.replace(n, name="", origin=()).digest() for n in network.nodes]


@settings(deadline=None, max_examples=60)
@given(drawn=networks(), convention=st.sampled_from(["nir", "torch", "sinabs"]))
def test_a_file_is_the_graph_that_was_written(drawn, convention, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "graph.nir"
    nir.write(path, drawn, compression=None)
    assert read(path, convention) == read(drawn, convention)


@settings(deadline=None, max_examples=60)
@given(drawn=networks())
def test_the_callers_graph_is_never_changed(drawn):
    before = facts(drawn)
    network = read(drawn, "sinabs")
    assert facts(drawn) == before
    for node in network.nodes:
        for field in dataclasses.fields(node):
            value = getattr(node, field.name)
            assert not hasattr(value, "flags") or not value.flags.writeable


NAMES = ["b", "10", "9", "_0", "Ω", "a b", "-", "x'", *map(str, range(11, 60))]


@settings(deadline=None, max_examples=60)
@given(drawn=networks(), names=st.permutations(NAMES), order=st.permutations(range(80)))
def test_names_and_orders_do_not_matter(drawn, names, order):
    network, other = read(drawn, "torch"), read(relabelled(drawn, names, order), "torch")
    assert without_names(other) == without_names(network)


@settings(deadline=None, max_examples=30)
@given(drawn=networks())
def test_reading_twice_gives_the_same(drawn):
    assert read(drawn, "torch") == read(drawn, "torch")


def test_a_network_knows_how_it_was_read():
    assert read(simple()).convention == CONVENTIONS["nir"]
    assert read(simple(), CONVENTIONS["norse"]).convention == CONVENTIONS["norse"]


def test_findings_of_all_nodes_come_at_once():
    drawn = simple()
    drawn.nodes["conv"].stride = 0
    drawn.nodes["if"].v_threshold = -1.0
    drawn.edges.append(("if", "nowhere"))
    with pytest.raises(CompileError) as caught:
        read(drawn)
    assert [(d.code, d.place) for d in caught.value.diagnostics if d.severity == "error"] == [
        ("ND112", "$.edges"),
        ("ND106", "$.nodes.conv"),
        ("ND108", "$.nodes.if"),
    ]
