"""Strides are powers of two."""

from by_hand import conv, simple


def three(folder):
    graph = simple()
    graph.nodes["conv"] = conv(stride=3)
    return graph
