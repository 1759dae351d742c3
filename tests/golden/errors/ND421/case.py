"""A threshold so high that its 16 bits decide."""

from by_hand import neurons, simple


def a_thousand_weights(folder):
    graph = simple()
    graph.nodes["if"] = neurons(700.0)
    return graph
