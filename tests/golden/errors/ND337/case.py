"""An output of more than a pixel is to be read out."""

from by_hand import chain, conv, neurons, sink, source, sum_pool


def a_map(folder):
    graph = chain(input=source(), conv=conv(kernel=7), neurons=neurons(), out=sink())
    return graph, {"readout": True}


def a_pooled_map_with_a_remainder(folder):
    graph = chain(input=source(), conv=conv(kernel=6), neurons=neurons(), pool=sum_pool(2), out=sink())
    return graph, {"readout": True}
