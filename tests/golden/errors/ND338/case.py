"""The output that is to be read out is a hidden layer as well."""

from by_hand import conv, graph, neurons, sink, source
from nirdynap import ReadoutOptions


def hidden(folder):
    nodes = {"in": source(), "first": conv(2, kernel=8), "if1": neurons(), "out1": sink()}
    nodes |= {"last": conv(2, 2, kernel=1), "if2": neurons(), "out2": sink()}
    drawn = graph(nodes, "in -> first -> if1 -> last -> if2 -> out2", "if1 -> out1")
    return drawn, {"readout": ReadoutOptions(output="out1")}
