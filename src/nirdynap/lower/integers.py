"""Each layer in integers: by rule "max-abs", or as a search has chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from nirdynap.errors import TIE_OVERFLOW, CompileError, Diagnostic, node_place
from nirdynap.ir.layers import IntLayer, Layer
from nirdynap.ir.quantisation import Quantisation, Rule
from nirdynap.ir.units import INT16_MAX, IntArray
from nirdynap.lower.discretize import IntParameters, discretize_conv_if, discretize_scalar
from nirdynap.lower.guards import guards


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The integers that a search has chosen for a layer; what lies beyond a range is set to its end.

    Attributes:
        rule, candidates, before, after: as in `nirdynap.ir.quantisation.Quantisation`.
        scale: what the floats are multiplied by.
        threshold_high: the integer, None for the rounded product.
        weights: the integers [out, in, ky, kx], None for the products rounded to nearest.
    """

    rule: Rule
    candidates: int
    before: float | None
    after: float
    scale: float
    threshold_high: int | None = None
    weights: IntArray | None = None


def discretize(
    layers: tuple[Layer, ...],
    *,
    bias_bits: int,
    spikes_per_step: str,
    choices: tuple[Choice | None, ...] | None = None,
) -> tuple[tuple[IntLayer, ...], tuple[Diagnostic, ...]]:
    """Every layer in integers, and what was found on the way: ND4xx. A layer with an error is left out.

    `choices` holds for each layer what was chosen, or None for rule "max-abs" with its `bias_bits`.
    """
    done: list[IntLayer] = []
    findings: list[Diagnostic] = []
    for layer, choice in zip(layers, choices or repeat(None), strict=False):
        try:
            done.append(int_layer(layer, choice, bias_bits, spikes_per_step, findings))
            findings += guards(layer, done[-1])
        except CompileError as error:
            findings += error.diagnostics
    return tuple(done), tuple(findings)


def int_layer(
    layer: Layer, choice: Choice | None, bias_bits: int, spikes_per_step: str, findings: list[Diagnostic]
) -> IntLayer:
    """One layer in integers; what was found is added to `findings`.

    Raises:
        CompileError: as `discretize_conv_if`, and ND404.
    """
    place = node_place(layer.name)
    core = discretize_conv_if(
        layer.weights,
        layer.threshold,
        bias=layer.bias,
        v_min=layer.v_min,
        bias_bits=bias_bits,
        scale=choice.scale if choice else layer.scale,
        clip=choice is not None,
        threshold_high=choice.threshold_high if choice else None,
        integers=choice.weights if choice else None,
        place=place,
    )
    findings += core.findings
    # A model that waits at v == threshold fires at threshold + 1 on integers; with this reset that is the same thing.
    waits = layer.tie == "waits" and layer.reset == "zero" and spikes_per_step == "one"
    high = core.threshold_high + waits
    if high > INT16_MAX:
        raise CompileError([TIE_OVERFLOW.at(place, value=high, limit=INT16_MAX)])
    return IntLayer(
        name=layer.name,
        origin=layer.origin,
        input_shape=layer.input_shape,
        neuron_shape=layer.neuron_shape,
        weights=core.weights,
        bias=core.bias,
        stride=layer.stride,
        padding=layer.padding,
        threshold_high=high,
        threshold_low=core.threshold_low,
        return_to_zero=layer.reset == "zero",
        scale=core.scale,
        quantisation=_recorded(layer, core, choice),
        links=layer.links,
        readouts=layer.readouts,
        input_shifts=layer.input_shifts,
        decimator=layer.decimator,
        spacing=layer.spacing,
    )


def _recorded(layer: Layer, core: IntParameters, choice: Choice | None) -> Quantisation:
    if choice is None:
        error = parameter_error(layer, core.weights, core.threshold_high, core.bias)
        rule: Rule = "max-abs" if layer.scale is None else "given"
        return Quantisation(rule=rule, before=None if layer.scale else error, after=error)
    nearest = discretize_scalar(layer.threshold, choice.scale)
    return Quantisation(
        rule=choice.rule,
        candidates=choice.candidates,
        before=choice.before,
        after=choice.after,
        clipped=core.clipped,
        threshold_chosen=core.threshold_high != nearest,
        weights_chosen=choice.weights is not None,
    )


def parameter_error(layer: Layer, weights: IntArray, threshold_high: int, bias: IntArray | None) -> float:
    """How far integers are from the floats of a layer: relative root mean square, in units of the threshold.

    What neurons do depends on weights and biases in units of the threshold alone, so that the error of the threshold is
    in that of all of them.
    """
    wanted = [layer.weights / layer.threshold]
    got = [weights / threshold_high]
    if layer.bias is not None:
        wanted.append(layer.bias / layer.threshold)
        got.append(np.zeros(len(layer.bias)) if bias is None else bias / threshold_high)
    total = sum(float((w**2).sum()) for w in wanted)
    change = sum(float(((g - w) ** 2).sum()) for g, w in zip(got, wanted, strict=True))
    return math.sqrt(change / total) if total else 0.0
