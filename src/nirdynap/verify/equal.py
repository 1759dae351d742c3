"""What must hold from one rung to the next, and what is said where it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from nirdynap.errors import FRAMEWORK_DIFFERS, NOT_ROUNDED, RUNGS_DIFFER, Diagnostic, node_place
from nirdynap.ir.layers import Layer
from nirdynap.ir.network import Network
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import INT16_MAX, INT16_MIN, WEIGHT_MAX, WEIGHT_MIN, FloatArray, IntArray
from nirdynap.verify.divergence import explained
from nirdynap.verify.verification import Comparison

Seen: TypeAlias = Callable[[int, int], tuple[Network, IntArray]]
"""A network by its index among the float rungs, and its input counts [time, 1, c, y, x] of a sample by its index."""

_NORMALISED, _ABOVE_IT = -2, -3  # among the float rungs
_FLOAT32 = 2.0**-22  # relative: the scaled float is a product of two rounded numbers (docs/semantics.md, Integers)


def broken(comparisons: tuple[Comparison, ...], spec: Spec, seen: Seen) -> Iterator[Diagnostic]:
    """What is to be said of rungs that should have the spikes of the one before: at most one finding for each."""
    for pair in comparisons:
        at = pair.first_difference
        if at is None:
            continue
        if pair.rung == "normalised":
            yield explained(at, spec, seen(_ABOVE_IT, at.sample), seen(_NORMALISED, at.sample))
        elif pair.rung == "lowered":
            yield RUNGS_DIFFER.at(node_place(at.layer), value=str(at), limit=pair.reference, rung=pair.rung)
        elif pair.reference == "framework":
            yield FRAMEWORK_DIFFERS.at(node_place(at.layer), value=str(at))


def unrounded(layers: tuple[Layer, ...], spec: Spec) -> Iterator[Diagnostic]:
    """The first integer of each kind and layer that is not the rounded product of its float and the layer's scale.

    A product beyond the range becomes its end; what a search has chosen otherwise (`spec`'s own record) is left out.
    """
    for layer in layers:
        cores = spec.find_cores(layer.name)
        place, scale, chosen = node_place(layer.name), cores[0].scale, cores[0].quantisation
        weights = np.concatenate([core.weights for core in cores])
        if chosen is None or not chosen.weights_chosen:
            yield from _first(place, "weight", weights, np.clip(layer.weights * scale, WEIGHT_MIN, WEIGHT_MAX))
        if layer.bias is not None:
            biases = [np.zeros(len(core.weights), int) if core.bias is None else core.bias for core in cores]
            yield from _first(place, "bias", np.concatenate(biases), np.clip(layer.bias * scale, INT16_MIN, INT16_MAX))
        thresholds = np.array([core.threshold_high for core in cores])
        waits = layer.tie == "waits" and thresholds[0] > layer.threshold * scale + 0.5  # one more stands for "greater"
        if chosen is None or not chosen.threshold_chosen:
            yield from _first(place, "threshold", thresholds - waits, np.full(len(cores), layer.threshold * scale))


def _first(place: str, parameter: str, integers: IntArray, scaled: FloatArray) -> Iterator[Diagnostic]:
    wrong = np.abs(integers - scaled) > 0.5 + np.abs(scaled) * _FLOAT32
    if wrong.any():
        at = np.unravel_index(np.argmax(wrong), wrong.shape)
        yield NOT_ROUNDED.at(
            place, value=int(integers[at]), limit=float(scaled[at]), parameter=parameter, channel=int(at[0])
        )
