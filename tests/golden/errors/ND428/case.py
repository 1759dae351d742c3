"""Weights that take a membrane to its lower bound at once."""

from by_hand import neurons, simple


def minus_the_threshold(folder):
    graph = simple()
    graph.nodes["if"] = neurons(0.25)
    return graph, {"v_min": "-threshold"}
