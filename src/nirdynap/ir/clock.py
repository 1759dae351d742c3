"""The slow clock of a chip, at whose ticks the cores with biases add them (docs/semantics.md, section Event run)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nirdynap.ir.units import US_PER_S, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalClock:
    """The board's clock, with `hz` ticks per second."""

    hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalClock:
    """The chip's own: a tick for each 2 to the power of `divider` events that its camera makes, whether they pass."""

    divider: int


SlowClock: TypeAlias = ExternalClock | InternalClock


def external_ticks(clock: ExternalClock, end_us: int) -> IntArray:
    """Times of the ticks up to and including `end_us`, int64.

    In whole microseconds, rounded down: no time stamp lies between that and the tick.
    """
    ticks = np.arange(1, end_us * clock.hz // US_PER_S + 1, dtype=np.int64)
    return ticks * US_PER_S // clock.hz


def internal_ticks(clock: SlowClock | None, t: IntArray, count: IntArray) -> IntArray:
    """Times of the events that complete 2 to the power of the divider, int64; none for another clock.

    Args:
        t, count: int64 [n], the time stamps of what the camera makes, ascending, and how many events each stands for.
    """
    if not isinstance(clock, InternalClock):
        return t[:0]
    made = np.cumsum(count)
    every = 1 << clock.divider
    completing = np.arange(every, int(made[-1]) + 1 if len(made) else 0, every)
    return t[np.searchsorted(made, completing)]


def raster_ticks(clock: SlowClock, made: IntArray, dt_us: int) -> IntArray:
    """Times of the ticks in a run of time steps, int64: what happens in a step happens at its end.

    Args:
        made: int64 [time], events that the camera makes in each step.
        dt_us: length of a step.
    """
    if isinstance(clock, ExternalClock):
        return external_ticks(clock, len(made) * dt_us)
    return internal_ticks(clock, np.arange(1, len(made) + 1) * dt_us, made)
