"""An input channel that nobody reads."""

import numpy as np

from by_hand import chain, conv, neurons, sink, source


def the_second_of_three(folder):
    weight = np.full((2, 3, 3, 3), 0.5)
    weight[:, 1] = 0.0
    weight[:, 2] = 0.001
    weight[:, 2, 0, 0] = -0.25
    nodes = {"in": source(3, 8, 8), "conv": conv(weight=weight), "if": neurons(), "out": sink()}
    return chain(**nodes)


def one_by_rounding(folder):
    weight = np.full((2, 2, 3, 3), 0.5)
    weight[:, 1] = 0.001
    return chain(**{"in": source(2, 8, 8), "conv": conv(weight=weight), "if": neurons(), "out": sink()})
