"""Kernels are 16 x 16 at most."""

from by_hand import chain, conv, neurons, sink, source


def seventeen(folder):
    return chain(**{"in": source(1, 20, 20), "conv": conv(kernel=17), "if": neurons(), "out": sink()})


def seventeen_by_dilation(folder):
    return chain(**{"in": source(1, 20, 20), "conv": conv(kernel=9, dilation=2), "if": neurons(), "out": sink()})
