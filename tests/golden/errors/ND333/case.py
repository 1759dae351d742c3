"""The chip's own clock, without its camera."""

from by_hand import chain, conv, neurons, sink, source
from nirdynap import InternalClock


def no_camera(folder):
    graph = chain(input=source(), conv=conv(), neurons=neurons(), out=sink())
    return graph, {"slow_clock": InternalClock(divider=14)}
