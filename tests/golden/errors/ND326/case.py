"""A layer of which 1x1 kernels read every second neuron in y and x."""

from by_hand import chain, conv, neurons, sink, source


def read_in_steps_of_two(folder):
    nodes = {"in": source(1, 128, 128), "a": conv(padding=1), "if_a": neurons()}
    return chain(**nodes, b=conv(channels=2, kernel=1, stride=2), if_b=neurons(), out=sink()), {"trim": True}
