"""The readout block of a chip: counters of an output's spikes, and what they say at each tick of the slow clock.

What is documented and what is chosen here: docs/semantics.md, section Readout block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nirdynap.ir.units import READOUT_MAX, IntArray

ReadoutValue = Literal["off", "compare", "selected", "max"]
READOUT_VALUES: tuple[ReadoutValue, ...] = ("off", "compare", "selected", "max")
"""By the number of the output mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadoutOptions:
    """How the block reads an output. Class r counts the spikes of the output's channel r - 1.

    Attributes:
        output: the Output node that it reads; None is the only one.
        average: ticks over which the counts are averaged.
        threshold: a class passes when its average is greater.
        value: what the 16 lower bits of the value hold: nothing ("off"), a bit for each class that passes ("compare"),
            the average of the class `selected` ("selected"; 0 is none), or the largest average ("max").
        always: the pins tell the class with the largest average even where no class passes.
    """

    output: str | None = None
    average: int = 16
    threshold: int = 0
    value: ReadoutValue = "max"
    selected: int = 0
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadoutRecord:
    """What the block has said of one sample, one row for each tick; class r is column r - 1.

    Attributes:
        ticks: int64 [tick], times in microseconds.
        counts: int64 [tick, class], spikes since the tick before.
        averages: int64 [tick, class], of the counts, rounded down.
        passed: bool [tick, class], averages above the threshold.
        winners: int64 [tick], the class from 1 up with the largest average, the lowest of equal ones; 0 for none.
        pins: int64 [tick], the winner where a class passed, or always; else 0.
        values: int64 [tick], 21 bits: data valid, winner (4 bits), and what `ReadoutOptions.value` says (16 bits).
    """

    ticks: IntArray
    counts: IntArray
    averages: IntArray
    passed: npt.NDArray[np.bool_]
    winners: IntArray
    pins: IntArray
    values: IntArray


def read_out(options: ReadoutOptions, ticks: IntArray, t: IntArray, c: IntArray, classes: int) -> ReadoutRecord:
    """What the block says of one sample.

    Args:
        ticks: int64 [tick], ascending; a tick comes behind the spikes of its own time.
        t, c: int64 [n], times and channels of the output's spikes.
        classes: channels of the output.
    """
    counted = np.zeros((len(ticks) + 1, classes), dtype=np.int64)
    np.add.at(counted, (np.searchsorted(ticks, t, side="left"), c), 1)
    counts = np.minimum(counted[:-1], READOUT_MAX)
    sums = np.cumsum(counts, axis=0)
    sums[options.average :] -= sums[: -options.average].copy()
    averages = sums // options.average
    largest = averages.max(axis=1)
    winners = np.where(largest > 0, averages.argmax(axis=1) + 1, 0)
    passed = averages > options.threshold
    return ReadoutRecord(
        ticks=ticks,
        counts=counts,
        averages=averages,
        passed=passed,
        winners=winners,
        pins=np.where(passed.any(axis=1) | options.always, winners, 0),
        values=1 << 20 | winners << 16 | _value(options, averages, passed),
    )


def _value(options: ReadoutOptions, averages: IntArray, passed: npt.NDArray[Any]) -> IntArray:
    """The 16 lower bits."""
    classes = averages.shape[1]
    if options.value == "compare":
        bits: IntArray = (passed << np.arange(1, classes + 1)).sum(axis=1)
        return bits
    if options.value == "selected" and 1 <= options.selected <= classes:
        return averages[:, options.selected - 1]
    largest: IntArray = averages.max(axis=1)
    return largest if options.value == "max" else np.zeros_like(largest)
