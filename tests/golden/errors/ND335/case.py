"""Which output is to be read out?"""

from by_hand import conv, graph, neurons, sink, source
from nirdynap import ReadoutOptions


def two_outputs(folder):
    nodes = {"in": source()}
    for name in "ab":
        nodes |= {name: conv(kernel=8), f"if_{name}": neurons(), f"out_{name}": sink()}
    return graph(nodes, *(f"in -> {n} -> if_{n} -> out_{n}" for n in "ab")), {"readout": True}


def no_such_output(folder):
    return two_outputs(folder)[0], {"readout": ReadoutOptions(output="out_c")}
