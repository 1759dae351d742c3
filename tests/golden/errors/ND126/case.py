"""Options that there are not."""

import numpy as np

from by_hand import simple


def several(folder):
    return simple(), {"reset": "soft", "tie": "never", "v_min": 1.0, "dt": 0.0, "delay": "keep it"}


def bias_bits(folder):
    return simple(), {"bias_bits": 12}


def input_shape(folder):
    return simple(), {"input_shape": (8, 8)}


def a_nodes_own(folder):
    graph = simple()
    graph.nodes["if"].metadata = {"dynapcnn": {"v_min": np.array([-1.0, -2.0])}}
    return graph
