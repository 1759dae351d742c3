"""Flatten nodes that no linear layer follows."""

import nir
import numpy as np

from by_hand import chain, conv, flatten, neurons, sink, source


def channel_last_in_front_of_an_output(folder):
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "flat": flatten(), "out": sink()}
    return chain(**nodes), {"convention": "spyx"}


def in_front_of_neurons(folder):
    nodes = {"in": source(), "conv": conv(), "flat": flatten(), "if": neurons(), "fc": nir.Linear(np.ones((3, 72)))}
    return chain(**nodes, if2=neurons(), out=sink())
