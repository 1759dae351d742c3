"""The same of r."""

import numpy as np

from by_hand import neurons, simple


def one_neuron_differs(folder):
    graph = simple()
    r = np.ones((2, 6, 6))
    r[0, 5, 5] = 2
    graph.nodes["if"] = neurons(np.ones((2, 6, 6)), r)
    return graph
