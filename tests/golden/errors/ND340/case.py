"""A threshold far above the weights."""

from by_hand import neurons, simple


def a_hundred_and_fifty(folder):
    graph = simple()
    graph.nodes["if"] = neurons(150.0)
    return graph
