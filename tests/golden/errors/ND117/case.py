"""Shapes that nothing in the graph says."""

import nir
import numpy as np

from by_hand import conv, graph, neurons, simple, sink


def an_input_without_one(folder):
    graph = simple()
    graph.nodes["in"] = nir.Input({"input": None})
    return graph


def consumers_that_disagree(folder):
    nodes = {"in": nir.Input({"input": None}), "a": conv(input_shape=(8, 8)), "b": conv(input_shape=(9, 9))}
    nodes |= {"if_a": neurons(), "if_b": neurons(), "out_a": sink(), "out_b": sink()}
    return graph(nodes, "in -> a -> if_a -> out_a", "in -> b -> if_b -> out_b")


def height_and_width_of_unknown_channels(folder):
    graph = simple()
    graph.nodes["in"] = nir.Input({"input": np.array([0, 8, 8])})
    return graph
