"""Shapes that do not fit together."""

import nir
import numpy as np

from by_hand import chain, conv, flatten, graph, neurons, simple, sink, source


def channels(folder):
    graph = simple()
    graph.nodes["conv"] = conv(channels=3)
    return graph


def a_linear_layer_on_a_map(folder):
    return chain(**{"in": source(), "fc": nir.Linear(np.ones((10, 64))), "if": neurons(), "out": sink()})


def thresholds(folder):
    graph = simple()
    graph.nodes["if"] = neurons(np.ones((2, 8, 8)))
    return graph


def a_sum_of_unlike_maps(folder):
    nodes = {
        "in": source(),
        "a": conv(),
        "if_a": neurons(),
        "b": conv(stride=2),
        "if_b": neurons(),
        "c": conv(channels=2),
    }
    nodes |= {"if_c": neurons(), "out": sink()}
    return graph(nodes, "in -> a -> if_a -> c -> if_c -> out", "in -> b -> if_b -> c")


def a_sum_of_maps_that_only_look_alike_when_flat(folder):
    nodes = {"in": source(), "a": conv(2, kernel=7), "if_a": neurons(), "flat": flatten(), "b": conv(8, kernel=8)}
    nodes |= {"if_b": neurons(), "fc": nir.Linear(np.ones((3, 8))), "if_c": neurons(), "out": sink()}
    return graph(nodes, "in -> a -> if_a -> flat -> fc -> if_c -> out", "in -> b -> if_b -> fc")
