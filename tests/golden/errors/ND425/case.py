"""A layer that can only be inhibited."""

import numpy as np

from by_hand import simple


def weights_below_zero(folder):
    return simple(weight=np.full((2, 1, 3, 3), -0.5), bias=np.array([0.0, -0.25]))


def a_bias_is_not_enough(folder):
    weight = np.full((2, 1, 3, 3), -0.5)
    weight[0, 0, 0, 0] = 0.001
    return simple(weight=weight, bias=np.array([0.001, 0.0]))
