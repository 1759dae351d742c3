"""A core takes in more than the region of the camera."""

import numpy as np

from by_hand import chain, conv, neurons, sink, source


def kernel_with_one_row_more_than_columns(folder):
    weight = np.arange(24.0).reshape(2, 2, 3, 2) % 7 - 2
    nodes = {"in": source(2, 4, 6), "conv": conv(weight=weight), "if": neurons(np.ones(2)), "out": sink()}
    return chain(**nodes), {"dvs": True}
