"""Channels that no one would miss."""

import numpy as np

from by_hand import chain, conv, neurons, sink, source


def one_below_zero_and_one_unheard(folder):
    first, second = np.ones((6, 1, 3, 3)), np.ones((2, 6, 3, 3))
    first[1] = -1
    second[:, 4] = 0
    nodes = {"in": source(), "a": conv(weight=first), "if_a": neurons(), "b": conv(weight=second), "if_b": neurons()}
    return chain(**nodes, out=sink()), {"trim": True}
