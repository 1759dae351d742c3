"""The recordings of a calibration, as the layers of the network get them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nirdynap.calibrate.float_events import External, external
from nirdynap.calibrate.options import Calibrate
from nirdynap.errors import WRONG_ARGUMENT, InputError
from nirdynap.ir.clock import SlowClock
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.units import DEFAULT_DT_US, Shape
from nirdynap.sim.inputs import seen_inputs
from nirdynap.sim.ticks import event_ticks
from nirdynap.store.recordings import read_recordings


def read_samples(
    options: Calibrate, shape: Shape, dvs: DvsLayer | None, clock: SlowClock | None
) -> tuple[External, ...]:
    """Each sample, behind the DVS layer if there is one, with the ticks of the bias clock.

    Args:
        options: what the caller says.
        shape: (C, H, W) of the recordings, with a DVS layer those of the whole camera.
        dvs: the DVS layer; clock: the chip's slow clock.

    Raises:
        InputError: every ND5xx finding about the recordings and their times; ND513 where nothing reaches the network.
    """
    given: Any = options.samples
    times: dict[str, Any] = {}
    if isinstance(given, (str, os.PathLike)):
        recordings = read_recordings(Path(given))
        given, times = recordings.samples, dict(recordings.times)
    dt_us = times.get("dt_us", DEFAULT_DT_US) if options.dt_us is None else options.dt_us
    duration_us = times.get("duration_us") if options.duration_us is None else options.duration_us
    stimuli = seen_inputs(given, shape, dvs, clock, dt_us=dt_us, duration_us=duration_us)
    if not any(len(s.t) for s in stimuli):
        remedy = "recordings of what the chip will see"
        raise InputError([WRONG_ARGUMENT.at("$.discretize.samples", value="not one event", limit="one", remedy=remedy)])
    period = dt_us if options.bias_clock_us is None and clock is None else options.bias_clock_us
    return tuple(external(s, event_ticks(clock, period, s)) for s in stimuli)
