"""Where do spikes come in?"""

from by_hand import chain, conv, graph, neurons, sink, source


def no_input_and_two_roots(folder):
    nodes = {"left": conv(), "right": conv(), "if": neurons(), "out": sink()}
    return graph(nodes, "left -> if -> out", "right -> if")


def two_inputs(folder):
    nodes = {"left": source(), "right": source(), "conv": conv(), "if": neurons(), "out": sink()}
    return graph(nodes, "left -> conv -> if -> out", "right -> conv")


def a_nested_graph_without_ports(folder):
    inner = chain(conv=conv(), spk=neurons())
    return chain(**{"in": source(), "block": inner, "out": sink()})
