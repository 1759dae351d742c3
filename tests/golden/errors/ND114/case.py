"""Nodes that lie on no way from Input to Output."""

from by_hand import conv, graph, neurons, sink, source

NODES = {"in": source(), "conv": conv(), "if": neurons(), "out": sink(), "lost": conv(), "lost_if": neurons()}


def nothing_feeds_it(folder):
    return graph(NODES, "in -> conv -> if -> out", "lost -> lost_if")


def it_feeds_nothing(folder):
    return graph(NODES, "in -> conv -> if -> out", "in -> lost -> lost_if")


def no_edges_at_all(folder):
    return graph(NODES)
