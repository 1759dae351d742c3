"""Leaky neurons of a file that does not say how long a time step is."""

import nir
import numpy as np

from by_hand import simple


def tau_of_ten_milliseconds(folder):
    graph = simple()
    one = np.array(1.0)
    graph.nodes["if"] = nir.LIF(np.array(0.01), one, np.array(0.0), one)
    return graph, {"convention": "torch"}
