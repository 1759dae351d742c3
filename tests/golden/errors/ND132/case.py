"""Leaky neurons whose tau is shorter than a time step."""

import nir
import numpy as np

from by_hand import simple


def tau_in_another_unit(folder):
    graph = simple()
    one = np.array(1.0)
    graph.nodes["if"] = nir.LIF(np.array(1e-5), one, np.array(0.0), one)
    return graph, {"convention": "norse", "dt": 1e-3}
