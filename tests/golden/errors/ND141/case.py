"""A graph without Output."""

from by_hand import chain, conv, neurons, source


def neurons_last(folder):
    return chain(**{"in": source(), "conv": conv(), "if": neurons()})
