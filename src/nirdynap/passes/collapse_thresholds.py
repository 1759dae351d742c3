"""A core has one threshold: where channels differ, each channel's weights and bias are divided by its own threshold."""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.errors import THRESHOLD_PER_PIXEL, V_MIN_PER_CHANNEL, CompileError, Diagnostic, node_place
from nirdynap.ir.digest import frozen
from nirdynap.ir.network import IF, Conv, Network
from nirdynap.passes.per_channel import channel_values, odd_channel
from nirdynap.passes.rewrite import replaced


def collapse_thresholds(network: Network) -> Network:
    """Every layer of neurons with one threshold and one lower bound, and the same spikes.

    A layer that has one threshold already keeps it and its weights, bit for bit.

    Raises:
        CompileError: ND201 for thresholds that differ within a channel, ND203 for lower bounds that do not follow.
    """
    findings: list[Diagnostic] = []
    for neuron in network.nodes:
        if isinstance(neuron, IF) and not _is_uniform(neuron):
            finding = _refusal(neuron)
            if finding is None:
                network = _rescaled(network, neuron)
            else:
                findings.append(finding)
    if findings:
        raise CompileError(findings)
    return network


def _is_uniform(neuron: IF) -> bool:
    bounds = (neuron.threshold,) if neuron.v_min is None else (neuron.threshold, neuron.v_min)
    return all(bool((b == b.flat[0]).all()) for b in bounds)


def _refusal(neuron: IF) -> Diagnostic | None:
    place = node_place(neuron.name)
    if channel_values(neuron.threshold) is None:
        return THRESHOLD_PER_PIXEL.at(place, value=odd_channel(neuron.threshold))
    if neuron.v_min is not None:
        ratio = neuron.v_min / neuron.threshold
        if not bool((ratio == ratio.flat[0]).all()):
            return V_MIN_PER_CHANNEL.at(place, value=f"{ratio.min():g}..{ratio.max():g}")
    return None


def _rescaled(network: Network, neuron: IF) -> Network:
    theta = channel_values(neuron.threshold)
    assert theta is not None
    ones = frozen(np.ones(neuron.input_shape))
    v_min = None if neuron.v_min is None else frozen(neuron.v_min / neuron.threshold)
    drift = None if neuron.drift is None else frozen(neuron.drift / neuron.threshold)
    network = replaced(network, dataclasses.replace(neuron, threshold=ones, v_min=v_min, drift=drift))
    for conv in network.sources(neuron.name):
        if isinstance(conv, Conv):
            weights = frozen(conv.weights / theta[:, None, None, None])
            bias = None if conv.bias is None else frozen(conv.bias / theta)
            network = replaced(network, dataclasses.replace(conv, weights=weights, bias=bias))
    return network
