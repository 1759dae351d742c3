"""Single weights rounded the other way, kept where the spikes of their channel come nearer to the float layer's.

What a channel does depends on its own weights alone, so one run tries one weight of every channel. What is gained has
to be at least its standard error over the recordings: less is luck, which other recordings would not have.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.calibrate.trial import Budget, Task, Tried, attempt
from nirdynap.ir.layers import Layer
from nirdynap.ir.units import WEIGHT_MAX, WEIGHT_MIN, FloatArray, IntArray
from nirdynap.lower.integers import Choice

FLIPS = 48  # weights of each channel, those nearest to a tie between two integers


def refined(task: Task, best: Tried, budget: Budget, before: int) -> tuple[Tried, int, int]:
    """The candidate with some weights rounded the other way, how many runs that took, and how many were left out.

    Args:
        task: the layer; with a decimator, which counts the spikes of all channels together, nothing is tried.
        best: the candidate, at most as far from the floats as what comes back.
        budget: when it is spent, what has been found is kept; before: candidates before.
    """
    if task.layer.decimator > 1:
        return best, 0, 0
    weights, gaps = best.integers.weights.astype(np.int64), best.gaps
    other, order = _ranked(task.layer, weights, _high(best, task.layer) / task.layer.threshold)
    done = 0
    channel = np.arange(len(weights))
    for at in order.T[:FLIPS]:
        if budget.spent:
            break
        flipped = weights.reshape(other.shape).copy()
        flipped[channel, at] = other[channel, at]
        new = attempt(task, _with_weights(best, flipped.reshape(weights.shape)))
        done += 1
        budget.tell(before + done)
        if new is not None:
            gained = gaps - new.gaps
            nearer = (gained.sum(axis=0) > 0) & (gained.sum(axis=0) ** 2 >= (gained**2).sum(axis=0))
            gaps = np.where(nearer, new.gaps, gaps)
            weights = np.where(nearer[:, None, None, None], new.integers.weights, weights)
    left = min(order.shape[1], FLIPS) - done
    last = attempt(task, _with_weights(best, weights)) if gaps.sum() < best.gap else best
    return last or best, done, left


def _high(best: Tried, layer: Layer) -> float:
    """The threshold in integers, of a tie that waits without the 1 that is added to it."""
    return best.choice.threshold_high or round(best.choice.scale * layer.threshold)


def _ranked(layer: Layer, weights: IntArray, scale: float) -> tuple[IntArray, IntArray]:
    """[out, k]: the integer on the other side of each weight's product; and weights, those nearest to a tie first."""
    flat = weights.reshape(len(weights), -1)
    products: FloatArray = layer.weights.reshape(flat.shape) * scale
    sides = np.where(flat > products, np.floor(products), np.ceil(products))
    other = np.clip(sides, WEIGHT_MIN, WEIGHT_MAX).astype(np.int64)
    # Stable, so that equal ones come in the same order on every machine.
    return other, np.argsort(np.abs(other - products), axis=1, kind="stable")


def _with_weights(best: Tried, weights: IntArray) -> Choice:
    return dataclasses.replace(best.choice, weights=weights.astype(np.int8))
