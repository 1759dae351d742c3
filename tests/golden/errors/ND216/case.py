"""Nodes that disagree on what the whole chip has in common."""

from by_hand import chain, conv, neurons, sink, source


def spikes_per_step(folder):
    one, many = neurons(), neurons()
    one.metadata = {"dynapcnn": {"spikes_per_step": "one"}}
    many.metadata = {"dynapcnn": {"spikes_per_step": "many"}}
    return chain(**{"in": source(), "a": conv(), "if": one, "b": conv(channels=2), "if2": many, "out": sink()})
