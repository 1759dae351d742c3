"""More layers than cores."""

import numpy as np

from by_hand import chain, conv, neurons, sink, source


def ten(folder):
    nodes = {"in": source()}
    for i in range(10):
        nodes |= {f"conv{i}": conv(weight=np.ones((1, 1, 1, 1))), f"if{i}": neurons()}
    return chain(**nodes, out=sink())


def six_on_a_mini(folder):
    nodes = {"in": source()}
    for i in range(6):
        nodes |= {f"conv{i}": conv(weight=np.ones((1, 1, 1, 1))), f"if{i}": neurons()}
    return chain(**nodes, out=sink()), {"chip": "speck2cmini"}
