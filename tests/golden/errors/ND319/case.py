"""A core sends to two others, and a relay that would reach the rest needs a core of its own."""

from by_hand import conv, graph, neurons, sink, source


def five_branches_that_meet(folder):
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "join": conv(channels=2, kernel=1), "if_join": neurons()}
    for name in "abcde":
        nodes |= {name: conv(channels=2), f"if_{name}": neurons()}
    branches = (f"if -> {name} -> if_{name} -> join" for name in "abcde")
    return graph(nodes | {"out": sink()}, "in -> conv -> if", *branches, "join -> if_join -> out")
