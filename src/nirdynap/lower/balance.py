"""Rounding weights up or down so that what a neuron adds up stays what it was."""

from __future__ import annotations

import numpy as np

from nirdynap.ir.units import WEIGHT_MAX, WEIGHT_MIN, FloatArray, IntArray


def balanced(products: FloatArray, rounded: IntArray, budget: float) -> IntArray:
    """Weights of which some are rounded the other way: those that bring the sums of each neuron nearest to the floats.

    A neuron that hears all its inputs adds up all rounding errors, one that hears an input channel those of this
    channel. The sum of the squares of a channel's error, of each input channel's and of each weight's is made
    smaller, weight by weight and the best one first, until none helps or the budget is spent. No weight becomes 0, and
    none that is 0 becomes another.

    Args:
        products: float64 [out, in, ky, kx], weights times scale.
        rounded: integers of that shape to begin with.
        budget: the largest sum of squared rounding errors.
    """
    features, channels = rounded.shape[:2]
    wanted, integers = (a.reshape(features, channels, -1).astype(np.float64) for a in (products, rounded))
    rows = np.arange(features)
    for _ in range(rounded[0].size):
        error = integers - wanted
        slope = error.sum(axis=(1, 2), keepdims=True) + error.sum(axis=2, keepdims=True) + error
        step = -np.sign(slope)
        turned = integers + step
        fixed = (turned == 0) | (integers == 0) | (turned > WEIGHT_MAX) | (turned < WEIGHT_MIN)
        fixed |= np.abs(turned - wanted) >= 1  # not the other neighbour
        # The sum of squares changes by 2 * step * slope + 3, the square of a step being 1 in all three sums.
        change = np.where(fixed, np.inf, 3 - 2 * np.abs(slope)).reshape(features, -1)
        best = change.argmin(axis=1)
        some = rows[change[rows, best] < 0]
        following = integers.reshape(features, -1).copy()
        following[some, best[some]] += step.reshape(features, -1)[some, best[some]]
        following = following.reshape(integers.shape)
        if not len(some) or float(((following - wanted) ** 2).sum()) > budget:
            break
        integers = following
    return integers.reshape(rounded.shape).astype(np.int64)
