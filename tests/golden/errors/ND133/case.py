"""Files that give their framework away."""

import nir
import numpy as np

from by_hand import chain, conv, neurons, sink, source


def neurons_as_snntorch_writes_them(folder):
    endless, none, one = np.array(np.inf), np.array(0.0), np.array(1.0)
    lif = nir.LIF(endless, endless, none, one)
    return chain(**{"input": source(), "conv": conv(), "if": lif, "output": sink()}), {
        "convention": "auto",
        "reset": "subtract",
    }


def metadata_of_the_graph(folder):
    graph = chain(**{"input": source(), "conv": conv(), "if": neurons(), "output": sink()})
    graph.metadata = {"dynapcnn": {"convention": "torch"}}
    return graph, {"convention": "auto"}
