"""Thresholds that no membrane has to reach."""

from by_hand import neurons, simple


def zero(folder):
    graph = simple()
    graph.nodes["if"] = neurons(0.0)
    return graph


def negative(folder):
    graph = simple()
    graph.nodes["if"] = neurons([1.0, -0.5])
    return graph
