"""Numbers that float32 does not have."""

import numpy as np

from by_hand import conv, neurons, simple


def weights_beyond_it(folder):
    graph = simple()
    graph.nodes["conv"] = conv(weight=np.full((2, 1, 3, 3), 1e39))
    return graph


def weights_and_thresholds_below_it(folder):
    graph = simple()
    graph.nodes["conv"] = conv(weight=np.full((2, 1, 3, 3), 1e-50))
    graph.nodes["if"] = neurons(1e-50)
    return graph
