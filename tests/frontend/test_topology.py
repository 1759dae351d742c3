import pytest

from by_hand import chain, conv, graph, neurons, sink, source
from nirdynap.frontend.raw import raw_from_graph
from nirdynap.frontend.topology import edge_findings, topology_findings

NODES = {"in": source(), "a": conv(), "if": neurons(), "out": sink()}


def findings(drawn):
    raw = raw_from_graph(drawn)
    return [(d.code, d.place) for d in (*edge_findings(raw), *topology_findings(raw))]


def test_a_whole_graph():
    assert findings(chain(**NODES)) == []


@pytest.mark.parametrize(
    ("nodes", "edges", "expected"),
    [
        ({}, (), [("ND109", "$.nodes")]),
        ({"in": None}, ("a -> if -> out",), [("ND110", "$.nodes")]),
        ({"in2": source()}, ("in -> a -> if -> out", "in2 -> a"), [("ND110", "$.nodes")]),
        ({"out": None}, ("in -> a -> if",), [("ND111", "$.nodes")]),
        ({}, ("in -> a -> if -> out", "if -> nowhere"), [("ND112", "$.edges")]),
        ({}, ("in -> a -> if -> out", "a -> if"), [("ND113", "$.edges")]),
        ({"b": conv()}, ("in -> a -> if -> out",), [("ND114", "$.nodes.b")]),
        ({"b": conv()}, ("in -> a -> if -> out", "in -> b"), [("ND114", "$.nodes.b")]),
        ({"b": conv()}, ("in -> a -> if -> out", "b -> out"), [("ND123", "$.nodes.out"), ("ND114", "$.nodes.b")]),
        ({"out2": sink()}, ("in -> a -> if -> out",), [("ND114", "$.nodes.out2")]),
        ({}, ("in -> a -> if -> out", "if -> a"), [("ND115", "$.nodes.a")]),
        ({}, ("in -> a -> if -> out", "if -> if"), [("ND115", "$.nodes.if")]),
        ({}, ("in -> a -> if -> out", "a -> in"), [("ND115", "$.nodes.a")]),
        ({}, ("in -> a -> if -> out", "in -> out"), [("ND123", "$.nodes.out")]),
        ({"b": conv(), "out2": sink()}, ("in -> a -> if -> out -> b -> out2",), [("ND127", "$.nodes.out")]),
    ],
)
def test_what_is_wrong(nodes, edges, expected):
    every = {k: v for k, v in (NODES | nodes).items() if v is not None} if nodes or edges else {}
    assert findings(graph(every, *edges)) == expected


def test_edges_of_nested_graphs_are_looked_at_where_they_are():
    inner = graph({"in": source(), "a": conv(), "out": sink()}, "in -> a -> out", "a -> out", "b -> out")
    raw = raw_from_graph(chain(**{"in": source(), "block": inner, "if": neurons(), "out": sink()}))
    found = [(d.code, d.severity, d.place) for d in edge_findings(raw)]
    assert found == [("ND113", "note", "$.nodes.block.edges"), ("ND112", "error", "$.nodes.block.edges")]


def test_all_that_is_wrong_at_once_and_in_an_order_that_edges_do_not_decide():
    nodes = NODES | {"b": conv(), "c": conv(), "out2": sink()}
    edges = ["in -> a -> if -> out", "if -> z", "if -> y", "a -> if", "b -> c -> b", "in -> a"]
    expected = [("ND113", "$.edges")] * 2 + [("ND112", "$.edges")] * 2
    drawn = findings(graph(nodes, *edges))
    assert sorted(drawn[:4]) == sorted(expected)
    assert drawn[4:] == [("ND114", f"$.nodes.{n}") for n in ("b", "c", "out2")] + [("ND115", "$.nodes.b")]
    assert findings(graph(nodes, *reversed(edges))) == drawn
