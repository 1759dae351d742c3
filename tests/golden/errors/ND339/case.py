"""The channels of an output lie apart on the chip."""

from by_hand import chain, conv, neurons, sink, source


def four_classes(folder):
    graph = chain(input=source(), conv=conv(4, kernel=8), neurons=neurons(), out=sink())
    return graph, {"readout": True}
