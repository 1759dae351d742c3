"""The error that rule "threshold-aware" states: spikes that integers are expected to add or to lose. No data needed.

In an event run a neuron adds up weights in units of its threshold. It fires at each unit, at most once per arriving
event whose weight is not 0, and not at all where the sum stays below. So in the mean, with inputs of rates r,

    spikes = clip(sum(r * w / theta) + b / theta, 0, sum(r * [w != 0]))

of which the right hand side knows all that integers change: a threshold or bias that is rounded, weights that are
rounded or cut off, and weights that are rounded to 0, whose events do not reach the neuron any more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nirdynap.ir.layers import Layer
from nirdynap.ir.units import FloatArray

_DRAWS = 16
_DIGITS = 9  # what lies behind is how a machine adds up


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSpikes:
    """What integers are compared with.

    Attributes:
        rates: float64 [draw, in * ky * kx], mean 1: the first draw is all ones, in the others each input channel and
            each tap has an exponential factor of its own; a bias is added as often as a tap sees an event.
        wanted: float64 [draw, out], the spikes of the floats.
    """

    rates: FloatArray
    wanted: FloatArray

    def error(self, weights: npt.ArrayLike, threshold: float, bias: npt.ArrayLike | None) -> float:
        """Spikes too many or too few, as a share of the wanted; 0 where none are wanted and none made."""
        gap = float(np.abs(_spikes(self.rates, weights, threshold, bias) - self.wanted).sum())
        total = float(self.wanted.sum())
        return round(gap / total, _DIGITS) if total else float(gap > 0)


def expected_spikes(layer: Layer) -> ExpectedSpikes:
    """Of the floats of a layer."""
    shape = layer.weights.shape[1:]
    uneven = _exponential(0, (_DRAWS, shape[0], 1, 1)) * _exponential(1, (_DRAWS, *shape))
    uneven /= uneven.mean(axis=(1, 2, 3), keepdims=True)
    rates = np.concatenate([np.ones((1, *shape)), uneven]).reshape(_DRAWS + 1, -1)
    return ExpectedSpikes(rates=rates, wanted=_spikes(rates, layer.weights, layer.threshold, layer.bias))


def _spikes(rates: FloatArray, weights: npt.ArrayLike, threshold: float, bias: npt.ArrayLike | None) -> FloatArray:
    columns = np.asarray(weights, dtype=np.float64)
    columns = columns.reshape(len(columns), -1).T
    drive = rates @ columns / threshold
    if bias is not None:
        drive = drive + np.asarray(bias) / threshold
    spikes: FloatArray = np.clip(drive, 0.0, rates @ (columns != 0).astype(np.float64))
    return spikes


def _exponential(seed: int, shape: tuple[int, ...]) -> FloatArray:
    """Mean 1, from raw bits, which numpy promises never to change."""
    bits = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    numbers: FloatArray = -np.log1p(-(bits >> np.uint64(11)).astype(np.float64) * 2.0**-53)
    return numbers.reshape(shape)
