"""A graph without Input whose first layer says what it takes in."""

import nir
import numpy as np

from by_hand import chain, conv, neurons, sink


def dense_first(folder):
    return chain(**{"fc": nir.Linear(np.eye(2)), "if": neurons(), "out": sink()})


def convolution_first(folder):
    return chain(**{"conv": conv(input_shape=(8, 8)), "if": neurons(), "out": sink()})


def shape_given(folder):
    return chain(**{"conv": conv(), "if": neurons(), "out": sink()}), {"input_shape": (1, 8, 8)}
