"""Parameters of the wrong kind, size or value."""

import numpy as np

from by_hand import chain, conv, flatten, neurons, simple, sink, source


def several_of_one_convolution(folder):
    graph = simple()
    graph.nodes["conv"].stride = 0
    graph.nodes["conv"].padding = "same"
    graph.nodes["conv"].groups = 3
    graph.nodes["conv"].bias = np.ones(5)
    return graph


def weights_that_are_no_numbers(folder):
    graph = simple()
    graph.nodes["conv"].weight = np.array([["a", "b"]])
    return graph


def no_weights(folder):
    graph = simple()
    graph.nodes["conv"].weight = None
    return graph


def a_flatten_of_some_axes(folder):
    partial = flatten()
    partial.start_dim = 2
    return chain(**{"in": source(), "conv": conv(), "if": neurons(), "flat": partial, "out": sink()})
