"""What the file declares and what the layers give are two things."""

import nir
import numpy as np

from by_hand import conv, simple


def a_convolution_and_an_output(folder):
    graph = simple()
    graph.nodes["conv"] = conv(input_shape=(9, 9))
    graph.nodes["out"] = nir.Output({"output": np.array([10])})
    return graph
