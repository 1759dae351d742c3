"""Any recording -> one stimulus for each sample, which both runs take."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

from nirdynap.errors import (
    BAD_EVENT_ARRAY,
    BAD_RASTER,
    BAD_RUN_OPTION,
    SPIKES_OUTSIDE,
    Diagnostic,
    InputError,
    raise_errors,
)
from nirdynap.ir.arguments import check_recording
from nirdynap.ir.events import Events, whole_counts
from nirdynap.ir.units import IntArray, Shape, is_positive
from nirdynap.sim.protocol import Recording

COUNT_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stimulus:
    """What one sample feeds in.

    Attributes:
        t: int64 [n], microseconds, ascending.
        c, y, x: int32 [n], addresses.
        count: int32 [n], spikes there and then, one after the other.
        steps: length in time steps.
        end_us: the last moment at which a bias clock can tick.
        camera_ticks: int64 [m], times of the ticks of the chip's own clock, if the spec has it.
        dvs_dropped: spikes that the DVS layer has dropped and that are not among these any more.
    """

    t: IntArray
    c: IntArray
    y: IntArray
    x: IntArray
    count: IntArray
    steps: int
    end_us: int
    camera_ticks: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    dvs_dropped: int = 0

    def __post_init__(self) -> None:
        # Kernels are compiled for each kind of array anew, so there is to be one.
        for name, dtype in (("t", np.int64), ("c", np.int32), ("y", np.int32), ("x", np.int32), ("count", np.int32)):
            array = np.ascontiguousarray(getattr(self, name), dtype).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def single(self) -> Stimulus:
        """The same spikes, each on its own."""
        t, c, y, x = (np.repeat(array, self.count) for array in (self.t, self.c, self.y, self.x))
        return dataclasses.replace(self, t=t, c=c, y=y, x=x, count=np.ones(len(t), dtype=np.int32))


def read_recording(recording: Recording, shape: Shape, *, dt_us: int, duration_us: int | None) -> tuple[Stimulus, ...]:
    """One stimulus for each sample of a recording of an input (C, H, W).

    Raises:
        InputError: all findings at once.
    """
    check_recording(recording)
    batch = _batch(recording)
    findings = list(_time_findings(dt_us, duration_us, is_raster=batch is None))
    # Without a legal time grid the addresses and counts can still be checked.
    dt, end = (1, None) if findings else (dt_us, duration_us)
    try:
        stimuli = (
            _from_raster(cast(npt.ArrayLike, recording), shape, dt)
            if batch is None
            else _from_batch(batch, shape, dt, end)
        )
    except InputError as error:
        raise InputError([*findings, *error.diagnostics]) from None
    raise_errors(findings, InputError)
    return stimuli


def _batch(recording: Recording) -> tuple[Events, ...] | None:
    """The recording as a batch of Events, or None if it is a raster."""
    if isinstance(recording, Events):
        return (recording,)
    listed = isinstance(recording, Sequence) and all(isinstance(sample, Events) for sample in recording)
    return tuple(cast(Sequence[Events], recording)) if listed else None


def _time_findings(dt_us: object, duration_us: object, *, is_raster: bool) -> Iterator[Diagnostic]:
    if not is_positive(dt_us):
        yield _bad("$.dt_us", "dt_us", dt_us, "a positive whole number of microseconds")
    if duration_us is None:
        return
    if is_raster:
        limit = "None (no --duration-us) with a raster, which tells its own length"
        yield _bad("$.duration_us", "duration_us", duration_us, limit)
    elif not is_positive(duration_us):
        yield _bad("$.duration_us", "duration_us", duration_us, "a positive whole number of microseconds, or None")


def _bad(place: str, parameter: str, value: object, limit: str) -> Diagnostic:
    return BAD_RUN_OPTION.at(place, parameter=parameter, value=str(value), limit=limit)


def _from_batch(batch: tuple[Events, ...], shape: Shape, dt_us: int, duration_us: int | None) -> tuple[Stimulus, ...]:
    findings = [] if batch else [BAD_EVENT_ARRAY.at("$.events", value="the batch has no samples")]
    for index, events in enumerate(batch):
        place = "$.events" if len(batch) == 1 else f"$.events[{index}]"
        findings.extend(_events_findings(events, shape, duration_us, place))
    raise_errors(findings, InputError)
    return tuple(_from_events(events, dt_us, duration_us) for events in batch)


def _events_findings(events: Events, shape: Shape, duration_us: int | None, place: str) -> Iterator[Diagnostic]:
    try:
        events.check_inside(shape)
    except InputError as error:
        yield from (dataclasses.replace(d, place=place) for d in error.diagnostics)
    if duration_us is not None and len(events) and events.t[-1] >= duration_us:
        yield _bad(place, "duration_us", duration_us, f"at least {events.t[-1] + 1}, behind the last event")


def _from_events(events: Events, dt_us: int, duration_us: int | None) -> Stimulus:
    last = int(events.t[-1]) if len(events) else -1
    return Stimulus(
        t=events.t,
        c=events.c,
        y=events.y,
        x=events.x,
        count=np.ones(len(events), dtype=np.int32),
        steps=last // dt_us + 1 if duration_us is None else -(-duration_us // dt_us),
        end_us=last if duration_us is None else duration_us,
    )


def _from_raster(raster: npt.ArrayLike, shape: Shape, dt_us: int) -> tuple[Stimulus, ...]:
    counts = whole_counts(raster)
    batch = counts[:, None] if counts.ndim == 4 else counts
    if batch.ndim != 5 or batch.shape[2:] != shape or batch.shape[1] == 0:
        wanted = f"[time, channel, y, x] or [time, batch, channel, y, x] with (channel, y, x) = {shape}"
        raise InputError([BAD_RASTER.at("$.raster", value=f"shape is {counts.shape}, expected {wanted}")])
    if counts.size and counts.max() > COUNT_MAX:
        raise InputError([SPIKES_OUTSIDE.at("$.raster", value=int(counts.max()), limit=COUNT_MAX)])
    return tuple(_from_counts(batch[:, index], dt_us) for index in range(batch.shape[1]))


def _from_counts(counts: IntArray, dt_us: int) -> Stimulus:
    step, c, y, x = np.nonzero(counts)
    return Stimulus(
        t=step * dt_us, c=c, y=y, x=x, count=counts[step, c, y, x], steps=len(counts), end_us=len(counts) * dt_us
    )
