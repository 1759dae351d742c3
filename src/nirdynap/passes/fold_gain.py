"""The resistance r multiplies a neuron's input current: it goes into the weights and the bias in front of it."""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.errors import GAIN_PER_PIXEL, CompileError, Diagnostic, node_place
from nirdynap.ir.digest import frozen
from nirdynap.ir.network import IF, Conv, Network
from nirdynap.passes.per_channel import channel_values, odd_channel, scaled_output
from nirdynap.passes.rewrite import replaced


def fold_gain(network: Network) -> Network:
    """Every neuron with gain 1, and the same membranes.

    Raises:
        CompileError: ND202 for a gain that differs within a channel.
    """
    findings: list[Diagnostic] = []
    for neuron in network.nodes:
        if not isinstance(neuron, IF) or bool((neuron.gain == 1).all()):
            continue
        factors = channel_values(neuron.gain)
        if factors is None:
            findings.append(GAIN_PER_PIXEL.at(node_place(neuron.name), value=odd_channel(neuron.gain)))
            continue
        ones = frozen(np.ones(neuron.input_shape))
        network = replaced(network, dataclasses.replace(neuron, gain=ones))
        for conv in network.sources(neuron.name):
            if isinstance(conv, Conv):
                weights, bias = scaled_output(conv, factors)
                network = replaced(network, dataclasses.replace(conv, weights=weights, bias=bias))
    if findings:
        raise CompileError(findings)
    return network
