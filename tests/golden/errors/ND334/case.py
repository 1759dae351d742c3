"""A chip without a readout block."""

from by_hand import chain, conv, neurons, sink, source


def speck_2b(folder):
    graph = chain(input=source(), conv=conv(kernel=8), neurons=neurons(), out=sink())
    return graph, {"readout": True, "chip": "speck2b"}
