"""Nodes that have no counterpart on the chip."""

from dataclasses import dataclass

import nir
import numpy as np

from by_hand import simple


@dataclass
class AdEx:
    tau: float


def a_type_that_nir_does_not_have(folder):
    graph = simple()
    graph.nodes["if"] = AdEx(1.0)
    return graph


def a_delay(folder):
    graph = simple()
    graph.nodes["conv"] = nir.Delay(np.ones(1))
    return graph


def a_synaptic_filter_and_a_leak(folder):
    graph = simple()
    tau, one = np.array(2.0), np.array(1.0)
    graph.nodes["if"] = nir.CubaLIF(tau, tau, one, one, one)
    return graph


def one_axis(folder):
    graph = simple()
    graph.nodes["conv"] = nir.Conv1d(8, np.ones((2, 1, 3)), 1, 0, 1, 1, np.zeros(2))
    return graph
