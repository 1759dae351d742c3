"""Recorded spikes -> Result. Rasters, event lists and counters are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from nirdynap.ir.events import Events
from nirdynap.ir.result import NO_RASTERS, NO_SPIKES, CoreStats, LazyMapping, Result, Semantics
from nirdynap.ir.spec import OutputPort, Spec
from nirdynap.ir.tally import core_stats
from nirdynap.ir.units import IntArray, Shape
from nirdynap.sim.plan import counts_by_core, membranes_by_core
from nirdynap.sim.stimulus import Stimulus

_Ports = tuple[OutputPort, ...]
"""The ports of one output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """What the kernels leave behind.

    Attributes:
        records: for each sample, int64 rows (time in microseconds, index of the core, neuron, count).
        membranes: [batch, neuron]; counts: int64 [batch, neuron], both flat as in `plan`.
        width: dtype that the result's membranes have.
        saturated: int64 [core], over all samples.
        steps: time steps of the result's rasters.
    """

    records: tuple[IntArray, ...]
    membranes: IntArray
    counts: IntArray
    width: type[np.integer]
    saturated: IntArray
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Train:
    """What arrives at one output in one sample, in the order of the records: int64 arrays of equal length."""

    t: IntArray
    c: IntArray
    y: IntArray
    x: IntArray
    count: IntArray


def assemble(
    spec: Spec,
    semantics: Semantics,
    stimuli: tuple[Stimulus, ...],
    raw: Raw,
    *,
    record: str,
    dt_us: int,
    ticks: tuple[IntArray, ...] | None = None,
) -> Result:
    """The result of a run."""
    counts = {index: _read_only(a) for index, a in counts_by_core(spec, raw.counts).items()}
    membranes = membranes_by_core(spec, raw.membranes)
    saturated = {core.core: int(n) for core, n in zip(spec.cores, raw.saturated, strict=True)}
    place = {core.core: index for index, core in enumerate(spec.cores)}

    @cache
    def trains(ports: _Ports) -> tuple[_Train, ...]:
        return tuple(_joined(rows, ports, place, spec) for rows in raw.records)

    @cache
    def stats() -> Mapping[int, CoreStats]:
        return core_stats(spec, _inputs(spec, stimuli), counts, saturated)

    def rasters(ports: _Ports) -> Callable[[], IntArray]:
        return lambda: _raster(trains(ports), spec.joined_shape(ports), raw.steps, dt_us)

    def events(ports: _Ports) -> Callable[[], tuple[Events, ...]]:
        return lambda: _events(trains(ports), semantics == "clocked")

    def membrane(core: int) -> Callable[[], IntArray]:
        return lambda: _read_only(membranes[core].astype(raw.width, order="C"))

    def counters(core: int) -> Callable[[], CoreStats]:
        return lambda: stats()[core]

    outputs = {name: spec.ports(name) for name in spec.output_names}
    everything = {core: (OutputPort(core, 1, ""),) for core in (place if record == "all" else ())}
    return Result(
        semantics=semantics,
        spec=spec,
        dt_us=dt_us,
        counts=counts,
        membranes=LazyMapping({core: membrane(core) for core in membranes}),
        stats=LazyMapping({core: counters(core) for core in counts}),
        output_rasters=LazyMapping({name: rasters(ports) for name, ports in outputs.items()}),
        output_events=LazyMapping({name: events(ports) for name, ports in outputs.items()}),
        rasters=LazyMapping(
            {core: rasters(port) for core, port in everything.items() if semantics == "clocked"}, NO_RASTERS
        ),
        spikes=LazyMapping(
            {core: events(port) for core, port in everything.items() if semantics == "event"}, NO_SPIKES
        ),
        dvs_dropped=sum(s.dvs_dropped for s in stimuli),
        ticks=ticks,
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


def _joined(records: IntArray, ports: _Ports, place: Mapping[int, int], spec: Spec) -> _Train:
    """The spikes of the ports' cores that lie in whole windows, at the addresses of the output.

    Spikes of several cores keep the order in which they were recorded.
    """
    kept = records[np.isin(records[:, 1], [place[port.core] for port in ports])]
    time, core, neuron, count = kept.T
    c, y, x = np.empty((3, len(kept)), dtype=np.int64)
    for port in ports:
        own = core == place[port.core]
        addresses = np.unravel_index(neuron[own], spec.core(port.core).neuron_shape)
        c[own], y[own], x[own] = addresses[0] + port.feature_shift, *(a // port.pooling for a in addresses[1:])
    _, height, width = spec.joined_shape(ports)
    inside = (y < height) & (x < width)
    return _Train(t=time[inside], c=c[inside], y=y[inside], x=x[inside], count=count[inside])


def _raster(trains: tuple[_Train, ...], shape: Shape, steps: int, dt_us: int) -> IntArray:
    raster = np.zeros((steps, len(trains), *shape), dtype=np.int64)
    for sample, p in enumerate(trains):
        np.add.at(raster[:, sample], (p.t // dt_us, p.c, p.y, p.x), p.count)
    return _read_only(raster)


def _events(trains: tuple[_Train, ...], by_address: bool) -> tuple[Events, ...]:
    """Event lists; time steps know no order within, so a clocked run's are sorted by channel, y, x."""

    def one(p: _Train) -> Events:
        order = np.lexsort((p.x, p.y, p.c, p.t)) if by_address else np.arange(len(p.t))
        order = np.repeat(order, p.count[order])
        return Events(t=p.t[order], c=p.c[order], y=p.y[order], x=p.x[order])

    return tuple(one(train) for train in trains)
