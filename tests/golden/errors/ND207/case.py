"""Neurons that no weights precede."""

from by_hand import chain, conv, neurons, sink, source


def neurons_on_the_input(folder):
    return chain(**{"in": source(), "if": neurons(), "out": sink()})


def neurons_on_neurons(folder):
    return chain(**{"in": source(), "conv": conv(), "if": neurons(), "if2": neurons(), "out": sink()})
