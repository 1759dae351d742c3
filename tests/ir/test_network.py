"""The canonical order: topological, and blind to names."""

from __future__ import annotations

import dataclasses
import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from by_hand import conv, graph, neurons, sink, source
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.convention import CONVENTIONS
from nirdynap.ir.network import Edge, Input, Network, Output, build_network, topological_order
from nirdynap.testing.graphs import networks


def renamed(network: Network, names: dict[str, str]) -> Network:
    nodes = tuple(dataclasses.replace(n, name=names[n.name], origin=()) for n in network.nodes)
    edges = tuple(dataclasses.replace(e, source=names[e.source], target=names[e.target]) for e in network.edges)
    return build_network(nodes[::-1], edges[::-1], network.convention)


def shape_of(network: Network) -> list[tuple]:
    """The network without its names."""
    place = {n.name: i for i, n in enumerate(network.nodes)}
    nodes = [dataclasses.replace(n, name="", origin=()).digest() for n in network.nodes]
    return [nodes, [(place[e.source], place[e.target], e.feature_shift) for e in network.edges]]


@settings(deadline=None, max_examples=60)
@given(drawn=networks(), random=st.randoms())
def test_names_decide_nothing(drawn, random):
    network = read(drawn, "torch")
    names = [f"n{i}" for i in range(len(network.nodes))]
    random.shuffle(names)
    other = renamed(network, dict(zip((n.name for n in network.nodes), names, strict=True)))
    assert shape_of(other) == shape_of(network)


def twins():
    """Two equal b and two equal x, paired up only behind them, where b1 meets x1 and b2 meets x2."""
    nodes = {"in": source()}
    for i in (1, 2):
        nodes |= {f"b{i}": conv(), f"ifb{i}": neurons(), f"x{i}": conv(), f"ifx{i}": neurons(0.5)}
        nodes |= {f"m{i}": conv(channels=2), f"ifm{i}": neurons(), f"o{i}": sink()}
    edges = [f"in -> b{i} -> ifb{i} -> m{i} -> ifm{i} -> o{i}" for i in (1, 2)]
    return graph(nodes, *edges, *(f"in -> x{i} -> ifx{i} -> m{i}" for i in (1, 2)))


@pytest.mark.parametrize("names", list(itertools.permutations("pqrs")))
def test_twins_that_only_their_common_targets_tell_apart(names):
    network = read(twins(), "torch")
    change = {n.name: n.name for n in network.nodes} | dict(zip(("b1", "b2", "x1", "x2"), names, strict=True))
    change |= {f"if{old}": f"if{change[old]}" for old in ("b1", "b2", "x1", "x2")}
    assert shape_of(renamed(network, change)) == shape_of(network)


def test_sources_come_before_targets_and_edges_follow_the_nodes():
    network = read(twins(), "torch")
    place = {n.name: i for i, n in enumerate(network.nodes)}
    pairs = [(place[e.source], place[e.target]) for e in network.edges]
    assert all(a < b for a, b in pairs)
    assert pairs == sorted(pairs)


def test_neighbours_and_ends():
    network = read(twins(), "torch")
    assert {n.name for n in network.sources("m1")} == {"ifb1", "ifx1"}
    assert {n.name for n in network.targets("in")} == {"b1", "b2", "x1", "x2"}
    assert isinstance(network.input, Input)
    assert {o.name for o in network.outputs} == {"o1", "o2"}
    assert all(isinstance(o, Output) for o in network.outputs)
    with pytest.raises(KeyError):
        network.node("nobody")


def test_a_cycle_is_told_from_its_first_name_on():
    edges = tuple(Edge(source=a, target=b) for a, b in ("ca", "ab", "bc", "xa"))
    with pytest.raises(CompileError, match=r"ND115 .* \$\.nodes\.a: cycle a -> b -> c -> a;"):
        topological_order(("x", "c", "b", "a"), edges)


def test_networks_are_equal_by_content():
    one, two = read(twins(), "torch"), read(twins(), "torch")
    assert one == two
    assert one != dataclasses.replace(one, convention=CONVENTIONS["norse"])
    assert not one.node("b1").weights.flags.writeable
    assert np.shares_memory(one.node("b1").weights, dataclasses.replace(one).node("b1").weights)
