"""NaN and infinity."""

import numpy as np

from by_hand import neurons, simple


def nan_weights(folder):
    graph = simple()
    graph.nodes["conv"].weight[0, 0, :2, 0] = np.nan
    return graph


def infinite_weights(folder):
    graph = simple()
    graph.nodes["conv"].weight[1, 0, 2, 2] = -np.inf
    return graph


def nan_threshold(folder):
    graph = simple()
    graph.nodes["if"] = neurons([np.nan, 1.0])
    return graph
