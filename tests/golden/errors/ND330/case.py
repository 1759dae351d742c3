"""A decimator passes one of 2, 4, 8, ... spikes, if the chip has one."""

from by_hand import chain, conv, neurons, sink, source


def one_of_three(folder):
    return chain(input=source(), conv=conv(), neurons=neurons(), out=sink()), {"decimator": {"conv": 3}}


def no_decimator(folder):
    return one_of_three(folder)[0], {"decimator": {"neurons": 2}, "chip": "speck2b"}
