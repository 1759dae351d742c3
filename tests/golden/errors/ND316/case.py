"""Output maps are 64 pixels wide at most, before pooling."""

from by_hand import chain, conv, neurons, sink, source, sum_pool


def a_map_of_126(folder):
    nodes = {"in": source(2, 128, 128), "conv": conv(1, 2), "if": neurons(), "pool": sum_pool(2), "out": sink()}
    return chain(**nodes)
