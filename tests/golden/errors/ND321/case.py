"""Windows larger than the map."""

from by_hand import chain, conv, neurons, sink, source, sum_pool


def a_kernel(folder):
    return chain(**{"in": source(), "conv": conv(kernel=9), "if": neurons(), "out": sink()})


def a_pool(folder):
    return chain(**{"in": source(), "conv": conv(kernel=6), "if": neurons(), "pool": sum_pool(4), "out": sink()})
