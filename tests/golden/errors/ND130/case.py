"""A value to reset to, in a network that subtracts."""

import numpy as np

from by_hand import neurons, simple


def below_zero(folder):
    graph = simple()
    graph.nodes["if"] = neurons(1.0, v_reset=np.array(-0.5))
    return graph
