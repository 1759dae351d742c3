"""Nodes that have no counterpart on the chip."""

from dataclasses import dataclass

import nir
import numpy as np

from by_hand import simple


@dataclass
class AdEx:
    tau: float


def leaky_neurons(folder):
    graph = simple()
    one = np.array(1.0)
    graph.nodes["if"] = nir.LIF(one, one, one, one)
    return graph


def a_type_that_nir_does_not_have(folder):
    graph = simple()
    graph.nodes["if"] = AdEx(1.0)
    return graph


def a_delay(folder):
    graph = simple()
    graph.nodes["conv"] = nir.Delay(np.ones(1))
    return graph
