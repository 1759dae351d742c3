"""No core leaks: what becomes of a leak is the caller's choice, and the one step of lowering that is not exact."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from nirdynap.errors import LEAK, LEAK_DROPPED, LEAK_LINEAR, Diagnostic, node_place
from nirdynap.ir.digest import frozen
from nirdynap.ir.network import IF, Network
from nirdynap.ir.units import FloatArray
from nirdynap.passes.rewrite import replaced


def approximate_leak(network: Network) -> Network:
    """The network without leak, as the convention's `leak` asks for, and a note for each layer that had one.

    "refuse": the note is an error, ND212, so that what else is wrong is found as well.

    "drop": the membrane stays (ND213); the gain of the input is what it was.

    "linear": a constant current in place of the decay (ND220). It is the decay's mean over membranes spread evenly
    from 0 to the threshold, which is also the constant of least squares there; no recording is needed. A constant
    current does not stop at rest, so the lower bound, which is never higher, becomes 0.
    """
    findings: list[Diagnostic] = []
    for neuron in network.nodes:
        if isinstance(neuron, IF) and neuron.decay is not None:
            findings.append(_finding(neuron, neuron.decay, network.convention.leak))
            still = dataclasses.replace(neuron, decay=None, drift=None, reset_time="now")
            if network.convention.leak == "linear":
                still = dataclasses.replace(
                    still, drift=_fitted(neuron, neuron.decay), v_min=frozen(np.zeros(neuron.input_shape))
                )
            network = replaced(network, still)
    return dataclasses.replace(network, notes=(*network.notes, *findings)) if findings else network


def _finding(neuron: IF, decay: FloatArray, leak: str) -> Diagnostic:
    place, value = node_place(neuron.name), _range(decay)
    if leak == "drop":
        fastest = float(decay.min())
        steps = math.log(0.5) / math.log(fastest) if fastest > 0 else 0.0
        return LEAK_DROPPED.at(place, value=value, limit=f"{steps:.3g}")
    if leak == "linear":
        fall = -_fitted(neuron, decay) / neuron.threshold
        error = float((1 - decay).max()) / math.sqrt(12)  # of a ramp around its mean
        return LEAK_LINEAR.at(place, value=value, limit=_range(fall), error=f"{error:.3g}")
    return LEAK.at(place, value=value)


def _fitted(neuron: IF, decay: FloatArray) -> FloatArray:
    """What a step takes off the membrane, on average over membranes from 0 to the threshold."""
    drift = np.zeros(()) if neuron.drift is None else neuron.drift
    return frozen(drift - (1 - decay) * neuron.threshold / 2)


def _range(array: FloatArray) -> str:
    low, high = (_digits(float(n)) for n in (array.min(), array.max()))
    return low if low == high else f"{low}..{high}"


def _digits(number: float) -> str:
    """Enough digits that a decay near 1 is not shown as none."""
    short = f"{number:.4g}"
    return f"{number:.10g}" if short == "1" else short
