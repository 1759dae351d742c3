"""Two layers read at one Output."""

from by_hand import conv, graph, neurons, sink, source


def a_sum_that_nobody_meant(folder):
    nodes = {"in": source(), "a": conv(), "if_a": neurons(), "b": conv(), "if_b": neurons(), "out": sink()}
    return graph(nodes, "in -> a -> if_a -> out", "in -> b -> if_b -> out")
