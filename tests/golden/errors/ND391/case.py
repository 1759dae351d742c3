"""A network looks at more than the camera has."""

from by_hand import conv, graph, neurons, sink, source, sum_pool
from nirdynap import DvsOptions


def too_large(folder):
    nodes = {"in": source(2, 260, 128), "pool": sum_pool(4), "conv": conv(channels=2), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> pool -> conv -> if -> out"), {"dvs": True}


def too_far_out(folder):
    nodes = {"in": source(2, 34, 34), "conv": conv(channels=2), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> conv -> if -> out"), {"dvs": DvsOptions(pooling=(2, 2), origin=(0, 62))}
