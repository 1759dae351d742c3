"""Models whose layers answer a step late."""

from by_hand import chain, conv, graph, neurons, sink, source


def two_layers(folder):
    nodes = {"in": source(), "a": conv(), "if_a": neurons(), "b": conv(channels=2), "if_b": neurons(), "out": sink()}
    return chain(**nodes), {"convention": "lava"}


def branches_of_unequal_depth_on_request(folder):
    nodes = {"in": source(), "a": conv(1, kernel=1), "if_a": neurons(), "b": conv(), "if_b": neurons(), "out": sink()}
    drawn = graph(nodes, "in -> a -> if_a -> b -> if_b -> out", "in -> b")
    return drawn, {"convention": "lava", "delay": "drop"}
