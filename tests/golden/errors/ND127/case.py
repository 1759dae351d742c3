"""A network that goes on behind its Output."""

from by_hand import chain, conv, neurons, sink, source


def an_output_in_the_middle(folder):
    nodes = {"in": source(), "a": conv(), "if_a": neurons(), "out": sink(), "b": conv(channels=2), "if_b": neurons()}
    return chain(**nodes, out2=sink())
