"""Biases far below the weights."""

import numpy as np

from by_hand import conv, simple


def a_thousandth(folder):
    graph = simple()
    graph.nodes["conv"] = conv(bias=np.array([0.001, -0.25]))
    return graph
