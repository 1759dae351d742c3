"""A core sends to two others."""

from by_hand import conv, graph, neurons, sink, source


def three_branches(folder):
    nodes = {"in": source(), "conv": conv(), "if": neurons()}
    for name in "abc":
        nodes |= {name: conv(channels=2), f"if_{name}": neurons(), f"out_{name}": sink()}
    branches = (f"if -> {name} -> if_{name} -> out_{name}" for name in "abc")
    return graph(nodes, "in -> conv -> if", *branches)
