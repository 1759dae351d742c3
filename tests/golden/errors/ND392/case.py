"""The DVS layer has no such pooling."""

from by_hand import conv, graph, neurons, sink, source, sum_pool
from nirdynap import DvsOptions


def pool_in_the_network(folder):
    nodes = {"in": source(2, 36, 36), "pool": sum_pool(3), "conv": conv(channels=2), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> pool -> conv -> if -> out"), {"dvs": True}


def pooling_asked_for(folder):
    nodes = {"in": source(2, 36, 36), "conv": conv(channels=2), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> conv -> if -> out"), {"dvs": DvsOptions(pooling=(1, 8))}
