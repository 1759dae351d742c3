"""Biases that no core holds."""

import numpy as np

from by_hand import chain, conv, neurons, sink, source


def one_too_many(folder):
    biased = conv(1025, 1, 1, bias=np.ones(1025) / 8)
    return chain(**{"in": source(1, 2, 2), "conv": biased, "if": neurons(), "out": sink()}), {"split": "never"}
