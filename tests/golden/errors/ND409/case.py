"""Neurons whose metadata ask for a scale that leaves the chip's ranges."""

from by_hand import conv, neurons, simple


def one_on_a_threshold_of_16_bits_and_more(folder):
    graph = simple()
    graph.nodes["if"] = neurons(40000.0, metadata={"dynapcnn": {"scale": 1.0}})
    graph.nodes["conv"] = conv(weight=128 * graph.nodes["conv"].weight)
    return graph


def a_thousand_on_weights_of_ordinary_size(folder):
    graph = simple()
    graph.nodes["if"] = neurons(1.0, metadata={"dynapcnn": {"scale": 1000.0}})
    return graph
