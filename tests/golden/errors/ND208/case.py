"""Pools that follow no neuron, and that no convolution can take in."""

from by_hand import chain, conv, graph, neurons, sink, source, sum_pool


def of_the_input_with_rows_that_a_padded_kernel_would_reach(folder):
    nodes = {"in": source(1, 9, 9), "pool": sum_pool(2), "conv": conv(padding=1), "if": neurons(), "out": sink()}
    return chain(**nodes)


def of_two_currents(folder):
    nodes = {"in": source(), "a": conv(), "b": conv(), "pool": sum_pool(2), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> a -> pool -> if -> out", "in -> b -> pool")
