"""A camera has two polarities."""

from by_hand import conv, graph, neurons, sink, source


def three_channels(folder):
    nodes = {"in": source(3, 8, 8), "conv": conv(channels=3), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> conv -> if -> out"), {"dvs": True}
