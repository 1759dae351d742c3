"""A convention whose lower bound follows the threshold, where the file could mean another one."""

from by_hand import chain, conv, neurons, sink, source


def threshold_two(folder):
    graph = chain(**{"input": source(), "conv": conv(), "if": neurons(2.0), "output": sink()})
    return graph, {"convention": "sinabs", "reset": "subtract", "spikes_per_step": "many"}
