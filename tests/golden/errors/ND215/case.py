"""One convolution, two layers of neurons."""

from by_hand import conv, graph, neurons, sink, source


def two_thresholds(folder):
    nodes = {"in": source(), "conv": conv(), "low": neurons(), "high": neurons(2.0), "out": sink(), "out2": sink()}
    return graph(nodes, "in -> conv -> low -> out", "conv -> high -> out2")
