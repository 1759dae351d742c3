"""Layers that nobody trained."""

import numpy as np

from by_hand import conv, simple


def all_zero(folder):
    graph = simple()
    graph.nodes["conv"] = conv(weight=np.zeros((2, 1, 3, 3)))
    return graph
