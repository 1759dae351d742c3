"""Pools that overlap or pad."""

import numpy as np

from by_hand import chain, conv, neurons, sink, source, sum_pool


def both(folder):
    overlapping = sum_pool(2, stride=np.array([1, 1]))
    padded = sum_pool(2, padding=np.array([1, 1]))
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "overlapping": overlapping, "padded": padded}
    return chain(**nodes, out=sink())
