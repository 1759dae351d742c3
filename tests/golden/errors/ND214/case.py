"""Currents that add up."""

from by_hand import conv, graph, neurons, scale, sink, source


def of_two_convolutions_with_other_strides(folder):
    other = conv(kernel=2, stride=2, padding=1)
    nodes = {"in": source(), "a": conv(kernel=4), "b": other, "if": neurons(), "out": sink()}
    return graph(nodes, "in -> a -> if -> out", "in -> b -> if")


def of_one_convolution_twice(folder):
    nodes = {"in": source(), "a": conv(), "one": scale(1.0), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> a -> if -> out", "a -> one -> if")
