"""Habits of exporters that do not settle which one wrote the file."""

import nir
import numpy as np

from by_hand import chain, conv, neurons, sink, source


def names_as_spyx_gives_them(folder):
    nodes = {"layer_0": conv(), "layer_1": neurons(metadata={"dynapcnn": {"reset": "zero"}})}
    return chain(input=source(), **nodes, output=sink()), {"convention": "auto"}


def a_refused_file_says_it_too(folder):
    leaky = nir.LIF(np.array(0.001), np.array(10.0), np.array(0.0), np.array(1.0))
    return chain(input=source(), conv=conv(), lif=leaky, output=sink()), {"convention": "auto"}
