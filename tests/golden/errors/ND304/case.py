"""Layers that each fit, but not all at once."""

from by_hand import chain, conv, large_layers, neurons, sink, source


def four_whole_layers_for_three_cores(folder):
    return large_layers(4), {"split": "never"}


def six_layers_for_the_words_of_five(folder):
    return large_layers(6)


def a_core_too_small(folder):
    return large_layers(2), {"placement": {"conv1": 8}}


def one_layer_larger_than_the_chip(folder):
    return chain(**{"in": source(2, 64, 64), "conv": conv(128, 2, padding=1), "if": neurons(), "out": sink()})


def every_core_that_would_do_is_avoided(folder):
    return large_layers(1), {"avoid": (0, 1, 2), "split": "never"}
