"""A threshold that would round far off, were there room for the largest weight."""

import numpy as np

from by_hand import conv, neurons, simple


def a_small_threshold(folder):
    graph = simple()
    weight = np.full((2, 1, 3, 3), 0.5)
    weight[1, 0, 1, 1] = 1.0
    graph.nodes["conv"] = conv(weight=weight)
    graph.nodes["if"] = neurons(0.005)
    return graph, {"discretize": "threshold-aware"}
