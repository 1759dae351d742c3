"""Where are spikes read?"""

from by_hand import conv, graph, neurons, source


def no_output_and_two_leaves(folder):
    nodes = {"in": source(), "conv": conv(), "left": neurons(), "right": neurons()}
    return graph(nodes, "in -> conv -> left", "conv -> right")
