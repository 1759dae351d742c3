"""Padding is 7 at most."""

from by_hand import conv, simple


def eight(folder):
    graph = simple()
    graph.nodes["conv"] = conv(padding=8)
    return graph
