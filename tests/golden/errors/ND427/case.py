"""A threshold of a fiftieth of the largest weight, of which 8 bits of weights leave 2.5."""

from by_hand import neurons, simple


def a_fiftieth(folder):
    graph = simple()
    graph.nodes["if"] = neurons(11 / 16 / 50)
    return graph
