"""Leaky neurons whose leak is dropped because the caller says so."""

import nir
import numpy as np

from by_hand import simple


def a_tenth_each_step(folder):
    graph = simple()
    one = np.array(1.0)
    graph.nodes["if"] = nir.LIF(np.array(0.01), one, np.array(0.0), one)
    return graph, {"convention": "torch", "dt": 1e-3, "leak": "drop"}
