"""Edges whose node is not there."""

from by_hand import simple


def to_nowhere(folder):
    graph = simple()
    graph.edges.append(("if", "conv2"))
    return graph


def from_nowhere(folder):
    graph = simple()
    graph.edges.append(("conv0", "conv"))
    return graph
