"""One threshold per channel can be folded, one per neuron cannot."""

import numpy as np

from by_hand import neurons, simple


def one_neuron_differs(folder):
    graph = simple()
    theta = np.ones((2, 6, 6))
    theta[1, 0, 0] = 2
    graph.nodes["if"] = neurons(theta)
    return graph
