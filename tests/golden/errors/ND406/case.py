"""Weights far below the largest."""

import numpy as np

from by_hand import conv, simple


def one_outlier(folder):
    graph = simple()
    weight = np.full((2, 1, 3, 3), 0.01)
    weight[0, 0, 0, 0] = 3.0
    graph.nodes["conv"] = conv(weight=weight)
    return graph
