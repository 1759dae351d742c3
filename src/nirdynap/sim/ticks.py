"""When the slow clock ticks in a recording (docs/semantics.md, section Event run)."""

from __future__ import annotations

import numpy as np

from nirdynap.ir.clock import ExternalClock, SlowClock, external_ticks
from nirdynap.ir.units import IntArray
from nirdynap.sim.stimulus import Stimulus


def event_ticks(clock: SlowClock | None, period: int | None, s: Stimulus) -> IntArray:
    """Times of the ticks in an event run; `period` in microseconds replaces the clock."""
    if period is not None:
        return np.arange(period, s.end_us + 1, period)
    return external_ticks(clock, s.end_us) if isinstance(clock, ExternalClock) else s.camera_ticks


def step_ticks(clock: SlowClock, s: Stimulus, dt_us: int) -> IntArray:
    """Times of the ticks in a clocked run, in which all that a time step holds happens at its end."""
    if isinstance(clock, ExternalClock):
        return external_ticks(clock, s.steps * dt_us)
    return (s.camera_ticks // dt_us + 1) * dt_us
