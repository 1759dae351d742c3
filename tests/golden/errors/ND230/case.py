"""Two convolutions in a row that are not one."""

from by_hand import chain, conv, graph, neurons, sink, source


def the_second_pads(folder):
    return chain(**{"in": source(), "a": conv(), "b": conv(channels=2, padding=1), "if": neurons(), "out": sink()})


def the_second_has_other_sources(folder):
    nodes = {"in": source(), "a": conv(), "b": conv(), "if": neurons(), "c": conv(channels=2), "if2": neurons()}
    return graph({**nodes, "out": sink()}, "in -> a -> c -> if2 -> out", "in -> b -> if -> c")
