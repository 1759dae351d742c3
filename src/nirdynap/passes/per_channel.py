"""Is a neuron parameter the same everywhere within a channel? Only then can a kernel take it in."""

from __future__ import annotations

import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Conv
from nirdynap.ir.units import FloatArray


def channel_values(array: FloatArray) -> FloatArray | None:
    """[C] values of `array` [C, H, W], or None if they differ within a channel."""
    values = array[:, 0, 0]
    return values if bool((array == values[:, None, None]).all()) else None


def odd_channel(array: FloatArray) -> int:
    """The first channel of `array` [C, H, W] within which values differ."""
    return int(np.argmax((array != array[:, :1, :1]).any(axis=(1, 2))))


def scaled_output(conv: Conv, factors: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    """Weights and bias of `conv` with output channel c multiplied by factors[c]."""
    weights = frozen(conv.weights * factors[:, None, None, None])
    return weights, None if conv.bias is None else frozen(conv.bias * factors)
