"""The edits that passes are made of, on a network whose every edge is checked."""

import dataclasses

import pytest
from same_run import assert_same_run, raster

from by_hand import conv, graph, neurons, sink, source, sum_pool
from nirdynap.frontend import read
from nirdynap.ir.network import Edge, Pool
from nirdynap.passes.rewrite import bypassed, credited, fresh_name, inserted, replaced, with_edges

NODES = {
    "in": source(),
    "a": conv(),
    "if": neurons(),
    "b": conv(),
    "if_b": neurons(),
    "p": sum_pool(1),
    "c": conv(2, 2),
}


@pytest.fixture
def network():
    """Two layers of neurons into one pool of 1x1, and from there to a layer and an Output."""
    nodes = NODES | {"if_c": neurons(), "out": sink(), "out2": sink()}
    return read(graph(nodes, "in -> a -> if -> p -> c -> if_c -> out", "in -> b -> if_b -> p -> out2"), "torch")


def names(network):
    return [node.name for node in network.nodes]


def test_replaced_takes_the_place_of_the_node_of_its_name(network):
    new = dataclasses.replace(network.node("c"), bias=None)
    after = replaced(network, new)
    assert names(after) == names(network)
    assert after.node("c") is new
    assert all(after.node(name) is network.node(name) for name in names(network) if name != "c")
    assert after.edges == network.edges


def test_bypassed_each_source_feeds_each_target(network):
    after = bypassed(network, "p")
    assert names(after) == [name for name in names(network) if name != "p"]
    assert {(e.source, e.target) for e in after.edges} >= {(a, b) for a in ("if", "if_b") for b in ("c", "out2")}
    assert len(after.edges) == len(network.edges) - 4 + 4
    assert_same_run(network, after, raster(network, 1))


def test_bypassed_shifts_add_up(network):
    shifts = {("if", "p"): 1, ("if_b", "p"): 2, ("p", "c"): 10, ("p", "out2"): 20}
    moved = tuple(dataclasses.replace(e, feature_shift=shifts.get((e.source, e.target), 0)) for e in network.edges)
    after = bypassed(with_edges(network, moved), "p")
    found = {(e.source, e.target): e.feature_shift for e in after.edges if e.feature_shift}
    assert found == {("if", "c"): 11, ("if", "out2"): 21, ("if_b", "c"): 12, ("if_b", "out2"): 22}


def test_inserted_stands_unconnected_right_behind_a_node(network):
    new = Pool(name="new", origin=("p",), input_shape=(2, 6, 6), kind="sum", size=(2, 2))
    after = inserted(network, new, "if")
    at = names(network).index("if") + 1
    assert names(after) == [*names(network)[:at], "new", *names(network)[at:]]
    assert after.node("new") is new
    assert after.edges == network.edges


def test_edges_are_put_into_the_order_of_their_nodes_then_of_their_shifts(network):
    double = (*network.edges, *(dataclasses.replace(e, feature_shift=2) for e in network.edges))
    rank = {name: i for i, name in enumerate(names(network))}
    after = with_edges(network, tuple(reversed(double)))
    assert list(after.edges) == sorted(double, key=lambda e: (rank[e.source], rank[e.target], e.feature_shift))
    assert after.nodes is network.nodes
    assert with_edges(network, (Edge(source="a", target="if"),)).edges == (Edge(source="a", target="if"),)


def test_a_name_is_taken_as_it_is_unless_a_node_has_it(network):
    assert fresh_name(network, "new") == "new"
    fresh = fresh_name(network, "p")
    assert fresh.startswith("p")
    assert fresh not in names(network)


def test_credit_is_given_once_and_in_order(network):
    node = dataclasses.replace(network.node("c"), origin=("c", "x"))
    assert credited(node, ("y", "x", "z")).origin == ("c", "x", "y", "z")
    assert dataclasses.replace(credited(node, ("y",)), origin=node.origin) == node
