"""Files that leave open what their neurons do."""

import nir
import numpy as np

from by_hand import chain, conv, flatten, neurons, simple, sink, source


def nothing_says_which_framework(folder):
    nodes = {"layer_0": conv(), "layer_1": neurons(), "layer_2": flatten(), "layer_3": nir.Linear(np.ones((4, 72)))}
    return chain(**{"input": source(), **nodes, "layer_4": neurons(), "output": sink()}), {
        "convention": "auto",
        "reset": "zero",
    }


def models_of_one_framework_differ(folder):
    return simple(), {"convention": "snntorch"}
