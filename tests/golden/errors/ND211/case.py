"""Such models with branches of unequal depth."""

from by_hand import conv, graph, neurons, sink, source

NODES = {"in": source(), "a": conv(1, kernel=1), "if_a": neurons(), "b": conv(), "if_b": neurons(), "out": sink()}


def a_skip(folder):
    return graph(NODES, "in -> a -> if_a -> b -> if_b -> out", "in -> b"), {"convention": "lava"}
