"""The readout block has fewer counters than the output channels."""

from by_hand import chain, conv, neurons, sink, source


def sixteen_classes(folder):
    graph = chain(input=source(), conv=conv(16, kernel=8), neurons=neurons(), out=sink())
    return graph, {"readout": True}
