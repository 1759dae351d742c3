"""1024 features at most go out."""

from by_hand import chain, conv, neurons, sink, source


def one_more(folder):
    return chain(**{"in": source(1, 2, 2), "conv": conv(1025, 1, 1), "if": neurons(), "out": sink()})
