"""Weights that are worth several spikes each."""

from by_hand import neurons, simple


def a_small_threshold(folder):
    graph = simple()
    graph.nodes["if"] = neurons(0.125)
    return graph
