"""A layer with a decimator takes several cores."""

from by_hand import chain, conv, neurons, sink, source


def asked_for(folder):
    graph = chain(input=source(), conv=conv(), neurons=neurons(), out=sink())
    return graph, {"decimator": {"conv": 4}, "split": {"conv": 2}}


def too_large_for_one(folder):
    graph = chain(input=source(1, 64, 64), conv=conv(17, kernel=1), neurons=neurons(), out=sink())
    return graph, {"decimator": {"conv": 4}}
