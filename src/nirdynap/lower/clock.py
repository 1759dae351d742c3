"""The slow clock that the caller asks for, and what a chip can do of it."""

from __future__ import annotations

from collections.abc import Iterator

from nirdynap.chips.chip import Chip
from nirdynap.errors import BAD_OPTION, CLOCK_RANGE, NOTHING_TO_COUNT, Diagnostic
from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.units import is_positive


def clock_findings(clock: object, dvs: DvsLayer | None, chip: Chip) -> Iterator[Diagnostic]:
    """ND126 for what is no clock, ND332 for one that the chip does not have, ND333 for events that nobody counts."""
    if isinstance(clock, ExternalClock):
        low, high = (1, None) if chip.clock is None else chip.clock.hz
        if not is_positive(clock.hz) or clock.hz < low or (high is not None and clock.hz > high):
            limit = "a whole number of ticks per second" + f" from {low} to {high}" * (high is not None)
            yield CLOCK_RANGE.at("$.slow_clock.hz", value=str(clock.hz), limit=limit, chip=chip.name)
    elif isinstance(clock, InternalClock):
        if chip.clock is None or not is_positive(clock.divider) or clock.divider not in chip.clock.dividers:
            limit = ", ".join(map(str, chip.clock.dividers)) if chip.clock else "none, for it has no clock of its own"
            yield CLOCK_RANGE.at("$.slow_clock.divider", value=str(clock.divider), limit=limit, chip=chip.name)
        if dvs is None:
            yield NOTHING_TO_COUNT.at("$.slow_clock")
    elif clock is not None:
        limit = "ExternalClock(hz=...), InternalClock(divider=...) or None"
        yield BAD_OPTION.at("$.slow_clock", parameter="slow_clock", value=str(clock), limit=limit)
