"""Currents that add up."""

from by_hand import conv, graph, neurons, scale, sink, source


def of_two_convolutions(folder):
    nodes = {"in": source(), "a": conv(), "b": conv(), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> a -> if -> out", "in -> b -> if")


def of_one_convolution_twice(folder):
    nodes = {"in": source(), "a": conv(), "one": scale(1.0), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> a -> if -> out", "a -> one -> if")
