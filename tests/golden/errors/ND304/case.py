"""Layers that each fit, but not all at once."""

from by_hand import chain, conv, neurons, sink, source


def four_layers_for_three_cores(folder):
    nodes = {"in": source(2, 64, 64)}
    for i in range(4):
        nodes |= {f"conv{i}": conv(16, 2 if i == 0 else 16, padding=1), f"if{i}": neurons()}
    return chain(**nodes, out=sink())


def six_layers_for_three_cores(folder):
    nodes = {"in": source(2, 64, 64)}
    for i in range(6):
        nodes |= {f"conv{i}": conv(16, 2 if i == 0 else 16, padding=1), f"if{i}": neurons()}
    return chain(**nodes, out=sink())
