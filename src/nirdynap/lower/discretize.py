"""From floats to the chip's integers (docs/semantics.md, section Integers). Pure functions; nothing is edited.

The scale is computed in float64. What it multiplies, and the product, are float32 rounded half to even: that is what
torch does, so the same parameters give the same integers as sinabs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nirdynap.errors import (
    ALL_ZERO_WEIGHTS,
    BAD_OPTION,
    BAD_THRESHOLD,
    BEYOND_FLOAT32,
    BIAS_OVERFLOW,
    DEAD_LAYER,
    GIVEN_SCALE,
    LOWER_BOUND_CLIPPED,
    NO_HEADROOM,
    NOT_FINITE,
    VALUES_CLIPPED,
    VANISHING_THRESHOLD,
    WEIGHTS_VANISH,
    CompileError,
    Diagnostic,
    raise_errors,
)
from nirdynap.ir.digest import frozen
from nirdynap.ir.units import (
    INT16_MAX,
    INT16_MIN,
    THRESHOLD_LOW_MAX,
    WEIGHT_MAX,
    WEIGHT_MIN,
    FloatArray,
    IntArray,
)

WEIGHT_BITS = 8
STATE_BITS = 16
_GIVEN = "given scale"
_FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntParameters:
    """A convolution and its neurons in integers; `findings` says what was clipped or lost on the way.

    `weights` int8 [out, in, ky, kx], `bias` int16 [out] or None, `state` int16 [out, y, x] or None; `clipped` counts
    the weights and biases that were set to the end of their range.
    """

    weights: IntArray
    bias: IntArray | None
    threshold_high: int
    threshold_low: int
    state: IntArray | None
    scale: float
    findings: tuple[Diagnostic, ...]
    clipped: int = 0


def scale_for_bits(values: npt.ArrayLike, bits: int) -> float:
    """Largest scale that keeps every value inside a signed integer of `bits` bits; infinity for all zeros.

    The most negative integer is one larger than the most positive one, and is used.
    """
    array = np.asarray(values, dtype=np.float64)
    high, low = float(array.max()), float(array.min())
    scales = [math.inf]
    if high > 0:
        scales.append((2 ** (bits - 1) - 1) / high)
    if low < 0:
        scales.append(-(2 ** (bits - 1)) / low)
    return min(scales)


def discretize_tensor(values: npt.ArrayLike, scale: float) -> IntArray:
    """``round(scale * values)`` as int64: float32 product, rounded half to even."""
    product = np.asarray(values, dtype=np.float32) * np.float32(scale)
    integers: IntArray = np.rint(product).astype(np.int64)
    return integers


def discretize_scalar(value: float, scale: float) -> int:
    """`discretize_tensor` of one number."""
    return int(discretize_tensor(value, scale))


def discretize_conv_if(
    weights: npt.ArrayLike,
    threshold: float,
    *,
    bias: npt.ArrayLike | None = None,
    v_min: float | None = None,
    state: npt.ArrayLike | None = None,
    bias_bits: int = 8,
    scale: float | None = None,
    clip: bool = False,
    threshold_high: int | None = None,
    integers: IntArray | None = None,
    place: str = "$",
) -> IntParameters:
    """A convolution and its neurons under one scale: the given one, or that of rule "max-abs".

    By that rule weights, threshold and, with `bias_bits` = 8, the bias decide the scale; lower bound and state never.

    Args:
        weights: float [out, in, ky, kx].
        threshold: firing threshold, > 0.
        bias: float [out], or None. A bias of zeros is None.
        v_min: lower bound of the membrane, or None for none: threshold_low is -32768 then.
        state: membranes [out, y, x] to start from, or None.
        bias_bits: 8 (as sinabs) or 16 (as the chip).
        scale: what to multiply by, > 0; None for the rule.
        threshold_high: the integer for the threshold, to which the lower bound keeps its proportion; None for the
            rounded product.
        integers: the integers for the weights; None for the rounded products.
        clip: set weights and biases beyond their range to its end (ND410), where they are refused otherwise.
        place: where to report findings.

    Raises:
        CompileError: ND107, ND108, ND126 or ND408 for what is no number, threshold or choice; ND401 all-zero weights,
            ND402 threshold rounds to 0, ND403 bias out of range, ND407 all weights round to 0, ND409 weights or
            threshold out of range.
    """
    raise_errors(_unusable(weights, threshold, bias, v_min, state, bias_bits, scale, place))
    w = np.asarray(weights, dtype=np.float64)
    b = None if bias is None or not np.any(bias) else np.asarray(bias, dtype=np.float64)
    ruler, scale = _max_abs(w, threshold, b, bias_bits) if scale is None else (_GIVEN, scale)
    if scale > _FLOAT32_MAX:
        raise CompileError([BEYOND_FLOAT32.at(place, parameter="scale", value=f"{scale:g}", limit=f"{_FLOAT32_MAX:g}")])
    rounded, cut = _clipped(discretize_tensor(_within(w, scale), scale), WEIGHT_MIN, WEIGHT_MAX, clip)
    integers = rounded if integers is None else integers
    findings = list(_vanished(w, integers, scale, ruler, place))
    high = threshold_high or discretize_scalar(float(_within(threshold, scale)), scale)
    findings += _out_of_range(integers, high, scale, place)
    if high < 1:
        limit = f"{np.abs(w).max():g}"
        findings.append(VANISHING_THRESHOLD.at(place, value=f"{threshold:g}", scale=f"{scale:g}", limit=limit))
    biases = None
    if b is not None:
        biases, more = _clipped(discretize_tensor(_within(b, scale), scale), INT16_MIN, INT16_MAX, clip)
        cut += more
    if biases is not None and not bool(((biases >= INT16_MIN) & (biases <= INT16_MAX)).all()):
        findings.append(BIAS_OVERFLOW.at(place, value=int(np.abs(biases).max()), limit=INT16_MAX))
    low, clipped = _lower_bound(v_min, threshold_high / threshold if threshold_high else scale, place)
    raise_errors([*findings, *clipped])
    if cut:
        findings.append(VALUES_CLIPPED.at(place, value=cut, limit=w.size + (0 if b is None else b.size)))
    if high > INT16_MAX // 2 and (clip or ruler != _GIVEN):  # whoever gives the scale of a node has chosen
        findings.append(NO_HEADROOM.at(place, value=high, limit=INT16_MAX))
    return IntParameters(
        weights=frozen(integers, np.int8),
        bias=None if biases is None else frozen(biases, np.int16),
        threshold_high=high,
        threshold_low=low,
        state=None if state is None else _saturated(state, scale),
        scale=scale,
        findings=(*findings, *clipped),
        clipped=cut,
    )


def _clipped(integers: IntArray, low: int, high: int, clip: bool) -> tuple[IntArray, int]:
    """Integers within a range, and how many were beyond it; all as they are unless asked for."""
    if not clip:
        return integers, 0
    return np.clip(integers, low, high), int(((integers < low) | (integers > high)).sum())


def _max_abs(w: FloatArray, threshold: float, bias: FloatArray | None, bias_bits: int) -> tuple[str, float]:
    """Which of the parameters decides the scale, and the scale that makes the most of its bits."""
    scales = {"weights": scale_for_bits(w, WEIGHT_BITS), "threshold": scale_for_bits(threshold, STATE_BITS)}
    if bias is not None and bias_bits == WEIGHT_BITS:
        scales["bias"] = scale_for_bits(bias, WEIGHT_BITS)
    ruler = min(scales, key=scales.__getitem__)
    return ruler, scales[ruler]


def _out_of_range(integers: IntArray, high: int, scale: float, place: str) -> Iterator[Diagnostic]:
    """What a given scale makes too large; the rule's own never does."""
    low, most = int(integers.min()), int(integers.max())
    if low < WEIGHT_MIN or most > WEIGHT_MAX:
        limit, worst = f"{WEIGHT_MIN}..{WEIGHT_MAX}", max(most, low, key=abs)
        yield GIVEN_SCALE.at(place, parameter="weight", value=worst, scale=f"{scale:g}", limit=limit)
    if high > INT16_MAX:
        yield GIVEN_SCALE.at(place, parameter="threshold", value=high, scale=f"{scale:g}", limit=f"1..{INT16_MAX}")


def _unusable(
    weights: npt.ArrayLike,
    threshold: float,
    bias: npt.ArrayLike | None,
    v_min: float | None,
    state: npt.ArrayLike | None,
    bias_bits: int,
    scale: float | None,
    place: str,
) -> Iterator[Diagnostic]:
    """What no scale could repair."""
    if bias_bits not in (WEIGHT_BITS, STATE_BITS):
        yield BAD_OPTION.at(place, parameter="bias_bits", value=bias_bits, limit="8 or 16")
    if scale is not None and not 0 < scale < math.inf:
        yield BAD_OPTION.at(place, parameter="scale", value=scale, limit="a positive number")
    if threshold <= 0:
        yield BAD_THRESHOLD.at(place, value=threshold, limit=0)
    given = {"weight": weights, "threshold": threshold, "bias": bias, "v_min": v_min, "state": state}
    for name, values in given.items():
        array = np.zeros(1) if values is None else np.asarray(values, dtype=np.float64)
        wrong = int((~np.isfinite(array)).sum())
        if wrong:
            yield NOT_FINITE.at(place, parameter=name, value=wrong)
        elif array.size and np.abs(array).max() > _FLOAT32_MAX:
            largest = f"{np.abs(array).max():g}"
            yield BEYOND_FLOAT32.at(place, parameter=f"largest {name}", value=largest, limit=f"{_FLOAT32_MAX:g}")
    if scale is None and not np.any(weights):
        yield ALL_ZERO_WEIGHTS.at(place)


def _vanished(w: FloatArray, integers: IntArray, scale: float, ruler: str, place: str) -> Iterator[Diagnostic]:
    """Did weights round to 0, or even all of them?"""
    if not integers.any() and w.any():
        remedy = "bias_bits=16, or a smaller bias" if ruler == "bias" else "a smaller threshold, or larger weights"
        remedy = "a larger scale" if ruler == "given scale" else remedy
        value = f"{np.abs(w).max():g}"
        yield DEAD_LAYER.at(place, parameter=ruler, value=value, limit=f"{scale:g}", remedy=remedy)
        return
    vanished = int(((integers == 0) & (w != 0)).sum())
    if vanished:
        yield WEIGHTS_VANISH.at(place, value=vanished, limit=int((w != 0).sum()))


def _lower_bound(v_min: float | None, scale: float, place: str) -> tuple[int, list[Diagnostic]]:
    if v_min is None:
        return INT16_MIN, []
    wanted = discretize_scalar(float(_within(v_min, scale)), scale)
    low = min(max(wanted, INT16_MIN), THRESHOLD_LOW_MAX)
    if low == wanted:
        return low, []
    limit = f"{INT16_MIN}..{THRESHOLD_LOW_MAX}"
    return low, [LOWER_BOUND_CLIPPED.at(place, v_min=f"{v_min:g} (scaled {wanted})", value=low, limit=limit)]


def _saturated(state: npt.ArrayLike, scale: float) -> IntArray:
    return frozen(np.clip(discretize_tensor(_within(state, scale), scale), INT16_MIN, INT16_MAX), np.int16)


def _within(values: npt.ArrayLike, scale: float) -> FloatArray:
    """`values` cut to what 32 bits hold after scaling, so that what is far out of range stays that, and a number."""
    bound = 2.0**31 / scale
    return np.clip(np.asarray(values, dtype=np.float64), -bound, bound)
