"""Pools are 1, 2 or 4 wide, and square."""

import numpy as np

from by_hand import chain, conv, neurons, sink, source, sum_pool


def three(folder):
    return chain(**{"in": source(), "conv": conv(), "if": neurons(), "pool": sum_pool(3), "out": sink()})


def eight_in_two_steps(folder):
    nodes = {"in": source(1, 18, 18), "conv": conv(), "if": neurons(), "pool": sum_pool(4), "pool2": sum_pool(2)}
    return chain(**nodes, out=sink())


def oblong(folder):
    flat = sum_pool(2, kernel_size=np.array([1, 2]), stride=np.array([1, 2]))
    return chain(**{"in": source(), "conv": conv(), "if": neurons(), "pool": flat, "out": sink()})
