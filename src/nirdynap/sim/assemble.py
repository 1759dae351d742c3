"""Recorded spikes -> Result. Rasters, event lists and counters are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from nirdynap.ir.events import Events
from nirdynap.ir.result import CoreStats, LazyMapping, Result, Semantics
from nirdynap.ir.spec import Spec
from nirdynap.ir.tally import core_stats
from nirdynap.ir.units import IntArray, Shape
from nirdynap.sim.plan import counts_by_core, membranes_by_core
from nirdynap.sim.stimulus import Stimulus


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """What the kernels leave behind.

    Attributes:
        records: for each sample, int64 rows (time in microseconds, index of the core, neuron, count).
        membranes: [batch, neuron]; counts: int64 [batch, neuron], both flat as in `plan`.
        saturated: int64 [core], over all samples.
        steps: time steps of the result's rasters.
    """

    records: tuple[IntArray, ...]
    membranes: IntArray
    counts: IntArray
    saturated: IntArray
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Train:
    """Spikes of one core in one sample, by time: int64 arrays of equal length."""

    t: IntArray
    c: IntArray
    y: IntArray
    x: IntArray
    count: IntArray


def assemble(
    spec: Spec, semantics: Semantics, stimuli: tuple[Stimulus, ...], raw: Raw, *, record: str, dt_us: int
) -> Result:
    """The result of a run."""
    counts = {index: _read_only(a) for index, a in counts_by_core(spec, raw.counts).items()}
    membranes = {index: _read_only(a) for index, a in membranes_by_core(spec, raw.membranes).items()}
    saturated = {core.core: int(n) for core, n in zip(spec.cores, raw.saturated, strict=True)}
    place = {core.core: index for index, core in enumerate(spec.cores)}

    @cache
    def trains(core: int) -> tuple[_Train, ...]:
        return tuple(_train(rows, place[core], spec.core(core).neuron_shape) for rows in raw.records)

    @cache
    def stats() -> Mapping[int, CoreStats]:
        return core_stats(spec, _inputs(spec, stimuli), counts, saturated)

    def rasters(core: int, pooling: int) -> Callable[[], IntArray]:
        return lambda: _raster(trains(core), pooling, spec.core(core).neuron_shape, raw.steps, dt_us)

    def events(core: int, pooling: int) -> Callable[[], tuple[Events, ...]]:
        return lambda: _events(trains(core), pooling, spec.core(core).neuron_shape, semantics == "clocked")

    def counters(core: int) -> Callable[[], CoreStats]:
        return lambda: stats()[core]

    everything = [core.core for core in spec.cores] if record == "all" else []
    return Result(
        semantics=semantics,
        spec=spec,
        dt_us=dt_us,
        counts=counts,
        membranes=membranes,
        stats=LazyMapping({core: counters(core) for core in counts}),
        output_rasters=LazyMapping({port.name: rasters(port.core, port.pooling) for port in spec.outputs}),
        output_events=LazyMapping({port.name: events(port.core, port.pooling) for port in spec.outputs}),
        rasters=LazyMapping({core: rasters(core, 1) for core in everything if semantics == "clocked"}),
        dvs_dropped=sum(s.dvs_dropped for s in stimuli),
        spikes=LazyMapping({core: events(core, 1) for core in everything if semantics == "event"}),
    )


def _inputs(spec: Spec, stimuli: tuple[Stimulus, ...]) -> IntArray:
    """Spikes at each address of the input ports, summed over time and samples."""
    inputs = np.zeros(spec.port_shape, dtype=np.int64)
    for s in stimuli:
        np.add.at(inputs, (s.c, s.y, s.x), s.count)
    return inputs


def _read_only(array: IntArray) -> IntArray:
    array.setflags(write=False)
    return array


def _train(records: IntArray, core: int, shape: Shape) -> _Train:
    time, _, neuron, count = records[records[:, 1] == core].T
    c, y, x = np.unravel_index(neuron, shape)
    return _Train(t=time, c=c, y=y, x=x, count=count)


def _pooled(train: _Train, pooling: int, shape: Shape) -> tuple[_Train, Shape]:
    """The spikes of whole windows, at the windows' addresses, and the shape of the pooled map."""
    channels, height, width = shape[0], shape[1] // pooling, shape[2] // pooling
    y, x = train.y // pooling, train.x // pooling
    kept = (y < height) & (x < width)
    pooled = _Train(t=train.t[kept], c=train.c[kept], y=y[kept], x=x[kept], count=train.count[kept])
    return pooled, (channels, height, width)


def _raster(trains: tuple[_Train, ...], pooling: int, shape: Shape, steps: int, dt_us: int) -> IntArray:
    _, pooled_shape = _pooled(trains[0], pooling, shape)
    raster = np.zeros((steps, len(trains), *pooled_shape), dtype=np.int64)
    for sample, train in enumerate(trains):
        p, _ = _pooled(train, pooling, shape)
        np.add.at(raster[:, sample], (p.t // dt_us, p.c, p.y, p.x), p.count)
    return _read_only(raster)


def _events(trains: tuple[_Train, ...], pooling: int, shape: Shape, by_address: bool) -> tuple[Events, ...]:
    """Event lists; time steps know no order within, so a clocked run's are sorted by channel, y, x."""

    def one(train: _Train) -> Events:
        p, _ = _pooled(train, pooling, shape)
        order = np.lexsort((p.x, p.y, p.c, p.t)) if by_address else np.arange(len(p.t))
        order = np.repeat(order, p.count[order])
        return Events(t=p.t[order], c=p.c[order], y=p.y[order], x=p.x[order])

    return tuple(one(train) for train in trains)
