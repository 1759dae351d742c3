"""Maps and kernels that would not fit into memory, let alone a chip."""

import numpy as np

from by_hand import conv, simple


def a_padding_of_thousands(folder):
    graph = simple()
    graph.nodes["conv"] = conv(padding=5000)
    return graph


def a_dilated_kernel(folder):
    graph = simple()
    graph.nodes["conv"] = conv(weight=np.ones((64, 1, 2, 2)), dilation=5000, padding=2500)
    return graph
