"""A leak that differs within a channel, to be made a bias."""

import nir
import numpy as np

from by_hand import simple


def faster_on_one_side(folder):
    graph = simple()
    one = np.ones((2, 6, 6))
    tau = np.full((2, 6, 6), 0.01)
    tau[1, :, 3:] = 0.02
    graph.nodes["if"] = nir.LIF(tau, one, 0 * one, one)
    return graph, {"convention": "torch", "dt": 1e-3, "leak": "linear"}
