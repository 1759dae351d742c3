"""Cycles."""

from by_hand import conv, graph, neurons, sink, source


def through_a_convolution(folder):
    nodes = {
        "in": source(2, 8, 8),
        "conv": conv(2, 2, padding=1),
        "if": neurons(),
        "back": conv(2, 2, padding=1),
        "out": sink(),
    }
    return graph(nodes, "in -> conv -> if -> out", "if -> back -> if")


def to_itself(folder):
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> conv -> if -> out", "if -> if")
