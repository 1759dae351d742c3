"""Neurons whose r is not what the exporter of the convention writes."""

import numpy as np

from by_hand import chain, conv, neurons, sink, source


def exported_with_another_time_step(folder):
    spikes = neurons(1.0, 1000.0, v_reset=np.zeros(()))
    return chain(**{"in": source(), "conv": conv(), "if": spikes, "out": sink()}), {"convention": "spikingjelly"}
