"""Rule "threshold-aware": the scale whose integers are nearest to the floats, threshold included. No data needed."""

from __future__ import annotations

import numpy as np

from nirdynap.errors import CompileError
from nirdynap.ir.layers import Layer
from nirdynap.ir.units import INT16_MAX
from nirdynap.lower.discretize import IntParameters, discretize_conv_if
from nirdynap.lower.integers import Choice, parameter_error

_LOWEST, _HIGHEST = 1 / 4, 16  # of the scale of rule "max-abs"
_THRESHOLDS = 200  # candidates at most


def threshold_aware(layers: tuple[Layer, ...], bias_bits: int) -> tuple[Choice | None, ...]:
    """A choice for each layer; None where its node gives the scale, and where no candidate is any good."""
    return tuple(None if layer.scale is not None else _best(layer, bias_bits) for layer in layers)


def _best(layer: Layer, bias_bits: int) -> Choice | None:
    """The candidate of the least error; of equals the first, and rule "max-abs" comes first."""
    plain = _tried(layer, None, bias_bits)
    wide = _tried(layer, None, 16)
    around = wide or plain
    if around is None:
        return None
    before = None if plain is None else _error(layer, plain)
    found = [p for p in (plain, wide, *(_tried(layer, s, 16) for s in _scales(layer, around.scale))) if p is not None]
    errors = [_error(layer, p) for p in found]
    best = int(np.argmin(errors))
    return Choice(
        rule="threshold-aware", candidates=len(found), before=before, after=errors[best], scale=found[best].scale
    )


def _scales(layer: Layer, scale: float) -> list[float]:
    """Those that make the threshold a whole number."""
    low, high = (max(1.0, min(INT16_MAX, factor * scale * layer.threshold)) for factor in (_LOWEST, _HIGHEST))
    whole = np.unique(np.rint(np.geomspace(low, high, _THRESHOLDS)).astype(int))
    return [int(n) / layer.threshold for n in whole]


def _tried(layer: Layer, scale: float | None, bias_bits: int) -> IntParameters | None:
    try:
        return discretize_conv_if(
            layer.weights,
            layer.threshold,
            bias=layer.bias,
            v_min=layer.v_min,
            bias_bits=bias_bits,
            scale=scale,
            clip=scale is not None,
        )
    except CompileError:
        return None


def _error(layer: Layer, integers: IntParameters) -> float:
    return parameter_error(layer, integers.weights, integers.threshold_high, integers.bias)
