"""Pools that follow no neuron."""

from by_hand import chain, conv, neurons, sink, source, sum_pool


def between_weights_and_neurons(folder):
    return chain(**{"in": source(), "conv": conv(), "pool": sum_pool(2), "if": neurons(), "out": sink()})
