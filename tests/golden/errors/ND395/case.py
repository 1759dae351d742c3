"""A core takes in more than the region of the camera."""

import nir
import numpy as np

from by_hand import graph, neurons, sink, source


def dense_layer_on_a_map_that_is_not_square(folder):
    flat = nir.Flatten({"input": np.array([2, 4, 6])}, 0, -1)
    dense = nir.Affine(np.arange(96.0).reshape(2, 48) % 7 - 2, np.zeros(2))
    nodes = {"in": source(2, 4, 6), "flat": flat, "dense": dense, "if": neurons(np.ones(2)), "out": sink()}
    return graph(nodes, "in -> flat -> dense -> if -> out"), {"dvs": True}
