"""Kernels that no core holds."""

import nir
import numpy as np

from by_hand import chain, conv, flatten, neurons, sink, source

NEVER = {"split": "never"}


def a_wide_convolution(folder):
    return chain(**{"in": source(64, 8, 8), "conv": conv(65, 64), "if": neurons(), "out": sink()}), NEVER


def a_dense_layer(folder):
    dense = nir.Linear(np.eye(128, 784))
    return chain(**{"in": source(1, 28, 28), "flat": flatten(), "fc": dense, "if": neurons(), "out": sink()}), NEVER


def too_many_inputs_for_any_width(folder):
    return chain(**{"in": source(1024, 12, 12), "conv": conv(1, 1024, 12), "if": neurons(), "out": sink()}), NEVER


def not_even_one_channel(folder):
    return chain(**{"in": source(1024, 12, 12), "conv": conv(4, 1024, 12), "if": neurons(), "out": sink()})
