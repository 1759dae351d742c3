"""Weights that no neuron follows."""

from by_hand import chain, conv, neurons, sink, source


def two_convolutions_in_a_row(folder):
    return chain(**{"in": source(), "a": conv(), "b": conv(channels=2), "if": neurons(), "out": sink()})


def a_readout_of_currents(folder):
    return chain(**{"in": source(), "conv": conv(), "out": sink()})
