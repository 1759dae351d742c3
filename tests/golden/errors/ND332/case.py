"""A slow clock that the chip does not have."""

from by_hand import chain, conv, neurons, sink, source
from nirdynap import ExternalClock, InternalClock


def too_fast(folder):
    graph = chain(input=source(2, 8, 8), conv=conv(channels=2), neurons=neurons(), out=sink())
    return graph, {"slow_clock": ExternalClock(hz=20_000)}


def counts_too_few(folder):
    return too_fast(folder)[0], {"slow_clock": InternalClock(divider=13), "dvs": True}


def has_none_of_its_own(folder):
    return too_fast(folder)[0], {"slow_clock": InternalClock(divider=14), "dvs": True, "chip": "speck2b"}
