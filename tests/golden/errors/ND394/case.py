"""A camera sends to two cores."""

from by_hand import conv, graph, neurons, sink, source


def three_branches(folder):
    nodes = {"in": source(2, 8, 8)}
    for name in "abc":
        nodes |= {name: conv(channels=2), f"if_{name}": neurons(), f"out_{name}": sink()}
    branches = (f"in -> {name} -> if_{name} -> out_{name}" for name in "abc")
    return graph(nodes, *branches), {"dvs": True}
