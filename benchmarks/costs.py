"""Where the time of a clocked run goes: what an event, an operation, a scanned neuron and the rest cost.

All steps are taken spike by spike. Single layers that differ in kernel and in how near the events of a step lie to each
other are run, and the costs are fitted to their times. Put together again for a whole network, they say what its time
consists of; what is left is told as well: spikes that go out, and weights and membranes that do not fit into the
first-level cache.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from compare import Row, operations
from growth import WAYS
from workloads import Workload, chain

from nirdynap import Events, Spec, simulate
from nirdynap.ir.result import Result
from nirdynap.ir.spec import CoreSpec
from nirdynap.ir.units import pool_counts

SIZE, CHANNELS = 16, 16
SHAPE = (CHANNELS, SIZE, SIZE)
NEVER = 30_000
"""A threshold that is not reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is counted, and so has a cost.

    Attributes:
        calls: runs of one recording: reading it, making the result.
        steps: time steps of a layer.
        events: spikes that come into a layer.
        operations: membranes that they change.
        scanned: neurons beside which something came in, so that each is compared with its thresholds once in a step.
    """

    calls: int
    steps: int
    events: int
    operations: int
    scanned: int

    def row(self) -> list[float]:
        """In the order of the fields."""
        return [float(getattr(self, one.name)) for one in fields(self)]


NAMES = tuple(one.name for one in fields(Work))


def costs(rounds: int) -> dict[str, float]:
    """Nanoseconds of each, fitted so that relative errors are smallest."""
    cases = _cases()
    works = np.array([work_of(spec, events, _recorded(spec, events)).row() for spec, events in cases])
    measured = np.array([_seconds(*case, 6 * rounds) for case in cases])
    fitted = np.linalg.lstsq(works / measured[:, None], np.ones(len(cases)), rcond=None)[0]
    return {name: 1e9 * value for name, value in zip(NAMES, fitted.tolist(), strict=True)}


def _seconds(spec: Spec, events: Events, times: int) -> float:
    return WAYS["spike by spike"].seconds(lambda: simulate(spec, events, threads=1), times)


def parts(base: Workload, nanoseconds: dict[str, float], top: float, rounds: int) -> Row:
    """Milliseconds of one recording of a network by what they are spent on, beside what was measured."""
    spec, events = base.spec, base.recordings[0]
    work = work_of(spec, events, _recorded(spec, events))
    ms = 1e3 * _seconds(spec, events, 9 * rounds)
    amounts = dict(zip(NAMES, work.row(), strict=True))
    return {
        "measured_ms": ms,
        "at_roof_ms": 1e3 * work.operations / top,
        "amounts": amounts,
        "ns": nanoseconds,
        "ms": {name: 1e-6 * nanoseconds[name] * amount for name, amount in amounts.items()},
    }


def _recorded(spec: Spec, events: Events) -> Result:
    return simulate(spec, events, record="all", threads=1)


def work_of(spec: Spec, events: Events, result: Result) -> Work:
    """What a clocked run of a chain does; `result` has all spikes."""
    arriving = events.to_raster(spec.input_shape)
    steps, came, scanned, pooling = len(arriving), np.count_nonzero(arriving), 0, 1
    for core in spec.cores:
        active = pool_counts(arriving, pooling).any(axis=1)
        scanned += _touched(active, core) * core.neuron_shape[0]
        arriving = result.rasters[core.core][:, 0]
        if core.destinations:
            came += np.count_nonzero(arriving)
            pooling = core.destinations[0].pooling
    return Work(
        calls=1,
        steps=steps * len(spec.cores),
        events=came,
        operations=operations(result),
        scanned=scanned,
    )


def _touched(active: np.ndarray, core: CoreSpec) -> int:
    """How many neuron positions have an active input in their window, over all steps: active is bool [time, y, x]."""
    (kernel_y, kernel_x), (pad_y, pad_x) = core.weights.shape[2:], core.padding
    padded = np.pad(active, ((0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel_y, kernel_x), axis=(1, 2))
    return int(np.count_nonzero(windows[:, :: core.stride[0], :: core.stride[1]].any(axis=(3, 4))))


def _cases() -> list[tuple[Spec, Events]]:
    """Single silent layers of 16 channels on 16x16, and recordings."""
    return [
        (chain([_signs(kernel)], SHAPE, [(1, kernel // 2, 1, NEVER)]), _events(steps, near=near, groups=groups))
        for kernel, near, (steps, groups) in product(
            (1, 3, 5, 7), (True, False), ((10, 1), (200, 1), (200, 4), (1000, 1))
        )
    ]


def _signs(kernel: int) -> np.ndarray:
    """Weights without a zero that nearly cancel out."""
    return np.random.default_rng(0).choice([-1, 1], (CHANNELS, CHANNELS, kernel, kernel))


def _events(steps: int, *, near: bool, groups: int) -> Events:
    """In each step 16 events in each of some groups: all channels of one pixel, or pixels and channels at random."""
    rng = np.random.default_rng(1)
    size = (steps, groups)
    if near:
        y, x = (np.repeat(rng.integers(0, SIZE, size).ravel(), CHANNELS) for _ in range(2))
        c = np.tile(np.arange(CHANNELS), steps * groups)
    else:
        y, x, c = (rng.integers(0, n, steps * groups * CHANNELS) for n in (SIZE, SIZE, CHANNELS))
    t = np.repeat(np.arange(steps) * 1000, groups * CHANNELS)
    return Events(t=t, c=c, y=y, x=x)
