"""Number ranges and shape arithmetic that every room shares (ranges: docs/hardware.md, section Limits of a core)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Shape = tuple[int, int, int]
"""(channels, height, width)"""

Pair = tuple[int, int]
"""(y, x)"""

IntArray = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]

WEIGHT_MIN, WEIGHT_MAX = -128, 127
INT16_MIN, INT16_MAX = -32768, 32767
READOUT_MAX = 65535  # of counters, averages and threshold of the readout block: 16 bits
THRESHOLD_LOW_MAX = -1  # a lower threshold of 0 is a documented silicon bug

US_PER_S = 1_000_000
DEFAULT_DT_US = 1000
MOST_ELEMENTS = 1 << 24  # of a map or kernel: 50 times the neurons of the largest chip, beyond it memory runs out
MOST_STEPS = 10_000_000  # of a run; more is a recording whose clock does not start near 0


def conv_output(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)) -> Pair:
    """Size (y, x) of a convolution's output map; zero or negative when the kernel does not fit."""
    y, x = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )
    return (y, x)


def pool_counts(counts: IntArray, pooling: int) -> IntArray:
    """Sums over `pooling` x `pooling` windows of [..., y, x]; remainder rows and columns are left out."""
    if pooling == 1:
        return counts
    *front, height, width = counts.shape
    rows, columns = height // pooling, width // pooling
    whole = counts[..., : rows * pooling, : columns * pooling]
    sums: IntArray = whole.reshape(*front, rows, pooling, columns, pooling).sum(axis=(-3, -1))
    return sums


def side_by_side(parts: Sequence[IntArray], axis: int) -> IntArray:
    """The channels of several cores along `axis`; of one core the array itself."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)


def is_positive(number: object) -> bool:
    """Is it a whole number from 1 up? (True is not a number.)"""
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool) and bool(number >= 1)


def shape_text(shape: Iterable[int]) -> str:
    """A shape as people write it: 2x34x34."""
    return "x".join(str(n) for n in shape)


def decide(totals: npt.NDArray[Any]) -> IntArray:
    """Index of the largest total in each row of [batch, n], the lowest of equal ones; -1 where nothing came, int64."""
    best: IntArray = np.argmax(totals, axis=1).astype(np.int64)
    best[totals.max(axis=1) <= 0] = -1
    return best
