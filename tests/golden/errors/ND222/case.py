"""Biases behind the first layer, where the convention has each layer answer late."""

import numpy as np

from by_hand import chain, conv, neurons, sink, source


def second_layer(folder):
    first, second = conv(bias=np.ones(2)), conv(channels=2, bias=np.full(2, 0.25))
    nodes = {"conv1": first, "if1": neurons(), "conv2": second, "if2": neurons()}
    return chain(**{"in": source()}, **nodes, out=sink()), {"convention": "lava"}
