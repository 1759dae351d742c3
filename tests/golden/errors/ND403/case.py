"""Biases far above the weights."""

import numpy as np

from by_hand import conv, simple


def in_sixteen_bits(folder):
    graph = simple()
    graph.nodes["conv"] = conv(bias=np.array([0.0, 250.0]))
    return graph, {"bias_bits": 16}
