import nir
import pytest

from by_hand import chain, conv, graph, neurons, sink, source
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.frontend.nested import unfold
from nirdynap.frontend.raw import raw_from_graph


def block(**nodes):
    return chain(**{"input": source(), **nodes, "output": sink()})


def findings(drawn):
    with pytest.raises(CompileError) as caught:
        read(drawn, "torch")
    return [(d.code, d.place) for d in caught.value.diagnostics]


def test_a_graph_in_a_graph_in_a_graph_is_the_same_network():
    inner = block(conv=conv(channels=2), spk=neurons())
    outer = block(conv=conv(), spk=neurons(), more=inner)
    nested = chain(**{"in": source(), "block": outer, "out": sink()})
    flat = {"in": source(), "a": conv(), "b": neurons(), "c": conv(channels=2), "d": neurons(), "out": sink()}
    assert nir_to_dynapcnn(nested).digest() == nir_to_dynapcnn(chain(**flat)).digest()
    names = [n.name for n in read(nested, "torch").nodes]
    assert names == ["in", "block.conv", "block.spk", "block.more.conv", "block.more.spk", "out"]


def test_a_graph_without_layers_is_a_wire():
    wire = block()
    drawn = chain(**{"in": source(), "wire": wire, "conv": conv(), "if": neurons(), "wire2": wire, "out": sink()})
    assert [n.name for n in read(drawn, "torch").nodes] == ["in", "conv", "if", "out"]


def test_several_sources_and_targets_of_a_nested_graph():
    nodes = {"in": source(), "a": conv(), "if_a": neurons(), "b": conv(), "if_b": neurons()}
    nodes |= {"block": block(c=conv(channels=2), spk=neurons()), "o": sink(), "d": conv(channels=2), "if_d": neurons()}
    nodes |= {"p": sink()}
    drawn = graph(nodes, "in -> a -> if_a -> block -> o", "in -> b -> if_b -> block -> d -> if_d -> p")
    network = read(drawn, "torch")
    assert {n.name for n in network.sources("block.c")} == {"if_a", "if_b"}
    assert {n.name for n in network.targets("block.spk")} == {"o", "d"}


def test_a_loop_around_a_nested_graph_is_a_cycle():
    nodes = {"in": source(1, 6, 6), "block": block(c=conv(1, padding=1), spk=neurons()), "out": sink()}
    assert findings(graph(nodes, "in -> block -> out", "block -> block")) == [("ND115", "$.nodes.block.c")]


@pytest.mark.parametrize("ports", [0, 2])
def test_a_nested_graph_has_one_input_and_one_output(ports):
    nodes = {"conv": conv()} | {f"in{i}": source() for i in range(ports)} | {f"out{i}": sink() for i in range(ports)}
    inner = nir.NIRGraph(nodes, [], type_check=False)
    outer = block(inner=inner)
    expected = [("ND110", "$.nodes.block.inner"), ("ND111", "$.nodes.block.inner")]
    assert findings(chain(**{"in": source(), "block": outer, "out": sink()})) == expected


def test_an_unfolded_name_that_is_taken_is_refused():
    nodes = {
        "in": source(),
        "b": block(c=conv()),
        "if": neurons(),
        "b.c": conv(channels=2),
        "if2": neurons(),
        "out": sink(),
    }
    assert findings(chain(**nodes)) == [("ND102", "$.nodes.b.c")]


def test_a_graph_without_nested_graphs_is_left_as_it_is():
    raw = raw_from_graph(block(conv=conv(), spk=neurons()))
    assert unfold(raw) == raw


def test_an_edge_written_twice_is_one_edge_but_two_ways_to_one_node_are_two():
    twice = graph({"in": source(), "a": conv(), "if": neurons(), "out": sink()}, "in -> a -> if -> out", "a -> if")
    network = read(twice, "torch")
    assert [(d.code, d.severity) for d in network.notes] == [("ND113", "note")]
    assert len(network.edges_into("if")) == 1
    nodes = {"in": source(), "a": conv(), "if": neurons(), "wire": block(), "b": conv(channels=2), "if2": neurons()}
    past_and_through = graph({**nodes, "out": sink()}, "in -> a -> if -> wire -> b -> if2 -> out", "if -> b")
    network = read(past_and_through, "torch")
    assert network.notes == ()
    assert [e.source for e in network.edges_into("b")] == ["if", "if"]


def test_settings_of_a_nested_graph_are_told_to_have_no_effect():
    inner = chain(**{"in": source(), "conv": conv(), "out": sink()})
    inner.metadata = {"dynapcnn": {"convention": "sinabs"}}
    graph = chain(**{"in": source(), "block": inner, "if": neurons(), "out": sink()})
    found = [d.value for d in read(graph, "torch").notes if d.code == "ND119"]
    assert found == ["block.dynapcnn.convention"]
