"""Memories that only different cores have."""

from by_hand import chain, conv, neurons, sink, source


def a_large_kernel_and_large_maps(folder):
    return chain(**{"in": source(64, 18, 34), "conv": conv(64, 64), "if": neurons(), "out": sink()}), {"split": "never"}
