"""Output channels that never fire: as trained, and since a small weight rounds to 0."""

import numpy as np

from by_hand import neurons, simple


def as_trained(folder):
    weight = np.full((3, 1, 3, 3), 0.5)
    weight[2] = -0.5
    graph = simple(weight=weight)
    graph.nodes["if"] = neurons(np.ones(3))
    return graph


def by_rounding(folder):
    weight = np.full((4, 1, 3, 3), 0.5)
    weight[1:3] = -0.5
    weight[2, 0, 1, 1] = 0.0005
    graph = simple(weight=weight)
    graph.nodes["if"] = neurons(np.ones(4))
    return graph
