"""Factors behind the last neuron."""

from by_hand import avg_pool, chain, conv, neurons, scale, sink, source


def an_average_at_the_end(folder):
    return chain(**{"in": source(), "conv": conv(), "if": neurons(), "mean": avg_pool(2), "out": sink()})


def a_scale_at_the_end(folder):
    return chain(**{"in": source(), "conv": conv(), "if": neurons(), "scale": scale(0.5), "out": sink()})
