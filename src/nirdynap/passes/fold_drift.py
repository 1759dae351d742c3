"""What each step adds to a membrane is a bias of the convolution in front of it."""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.errors import DRIFT_PER_PIXEL, CompileError, Diagnostic, node_place
from nirdynap.ir.digest import frozen
from nirdynap.ir.network import IF, Conv, Network
from nirdynap.passes.per_channel import channel_values, odd_channel
from nirdynap.passes.rewrite import replaced


def fold_drift(network: Network) -> Network:
    """Every neuron without drift, and the same membranes. Comes behind `fold_gain` and `merge_currents`.

    Raises:
        CompileError: ND221 for a drift that differs within a channel.
    """
    findings: list[Diagnostic] = []
    for neuron in network.nodes:
        if not isinstance(neuron, IF) or neuron.drift is None:
            continue
        per_channel = channel_values(neuron.drift)
        if per_channel is None:
            findings.append(DRIFT_PER_PIXEL.at(node_place(neuron.name), value=odd_channel(neuron.drift)))
            continue
        sources = network.sources(neuron.name)
        if len(sources) != 1 or not isinstance(sources[0], Conv) or len(network.edges_from(sources[0].name)) > 1:
            continue  # `pairs` refuses it
        conv = sources[0]
        bias = np.zeros(len(per_channel)) if conv.bias is None else conv.bias
        network = replaced(network, dataclasses.replace(neuron, drift=None))
        network = replaced(network, dataclasses.replace(conv, bias=frozen(bias + per_channel)))
    if findings:
        raise CompileError(findings)
    return network
