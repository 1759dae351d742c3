"""Leaky neurons whose r tells of another time step than the convention's."""

import nir
import numpy as np

from by_hand import simple


def a_tenth_of_the_time_step(folder):
    tau, dt = 0.02, 1e-4
    graph = simple()
    r = np.array(tau * np.exp(-dt / tau) / dt)
    graph.nodes["if"] = nir.LIF(np.array(tau), r, np.array(0.0), np.array(1.0))
    return graph, {"convention": "rockpool", "leak": "drop"}
