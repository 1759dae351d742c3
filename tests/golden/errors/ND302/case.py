"""Maps that no core holds."""

from by_hand import chain, conv, neurons, sink, source


def thirty_two_large_maps(folder):
    return chain(**{"in": source(2, 64, 64), "conv": conv(32, 2, padding=1), "if": neurons(), "out": sink()}), {
        "split": "never"
    }
