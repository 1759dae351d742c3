"""What reaches the input ports of a spec: a recording, through the DVS layer if the spec has one."""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.errors import SPIKES_OUTSIDE, InputError
from nirdynap.ir.clock import InternalClock, SlowClock, internal_ticks
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray, Shape
from nirdynap.sim.protocol import Recording
from nirdynap.sim.stimulus import COUNT_MAX, Stimulus, read_recording


def read_inputs(spec: Spec, recording: Recording, *, dt_us: int, duration_us: int | None) -> tuple[Stimulus, ...]:
    """One stimulus for each sample, with addresses inside `spec.port_shape`.

    Raises:
        InputError: all findings at once; ND509 where pooling sums up to more than a time step can hold.
    """
    return seen_inputs(recording, spec.input_shape, spec.dvs, spec.slow_clock, dt_us=dt_us, duration_us=duration_us)


def seen_inputs(
    recording: Recording,
    shape: Shape,
    dvs: DvsLayer | None,
    clock: SlowClock | None,
    *,
    dt_us: int,
    duration_us: int | None,
) -> tuple[Stimulus, ...]:
    """`read_inputs` of what has such an input (C, H, W), DVS layer and slow clock."""
    stimuli = read_recording(recording, shape, dt_us=dt_us, duration_us=duration_us)
    if dvs is None and not isinstance(clock, InternalClock):
        return stimuli
    made = [internal_ticks(clock, s.t, s.count) for s in stimuli]
    seen = (behind_dvs(dvs, s) for s in stimuli)
    return tuple(dataclasses.replace(s, camera_ticks=ticks) for s, ticks in zip(seen, made, strict=True))


def behind_dvs(dvs: DvsLayer | None, s: Stimulus) -> Stimulus:
    """What the DVS layer makes of a camera's recording; without one the recording itself.

    Raises:
        InputError: ND509 where pooling sums up to more than a time step can hold.
    """
    if dvs is None:
        return s
    passed, c, y, x = dvs.passed(s.c, s.y, s.x)
    count = s.count[passed]
    if count.sum() > COUNT_MAX:
        _check_sums(np.stack([s.t[passed], c, y, x]), count)
    return dataclasses.replace(
        s,
        t=s.t[passed],
        c=c,
        y=y,
        x=x,
        count=count,
        dvs_dropped=int(s.count.sum() - count.sum()),
    )


def _check_sums(places: IntArray, count: IntArray) -> None:
    """The runs take what one address gets in one time step to be at most COUNT_MAX."""
    _, which = np.unique(places, axis=1, return_inverse=True)
    sums = np.zeros(which.max() + 1, dtype=np.int64)
    np.add.at(sums, which.ravel(), count)
    if sums.max() > COUNT_MAX:
        raise InputError([SPIKES_OUTSIDE.at("$.raster", value=int(sums.max()), limit=COUNT_MAX)])
