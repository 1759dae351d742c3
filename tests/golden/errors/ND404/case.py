"""Thresholds that need one more than there is."""

from by_hand import neurons, simple


def far_above_the_weights(folder):
    graph = simple()
    graph.nodes["if"] = neurons(1e3)
    return graph, {"convention": "norse"}
