"""Where are spikes read?"""

from by_hand import chain, conv, neurons, source


def no_output(folder):
    return chain(**{"in": source(), "conv": conv(), "if": neurons()})
