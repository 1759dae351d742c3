"""The slow, obvious runs of a spec: docs/semantics.md, sections Clocked run and Event run, line by line.

Nothing here is fast and nothing is shared with the simulators: plain loops over plain integers, to be read beside the
page. Inputs are taken to be valid; the simulators are the ones that check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.events import Events
from nirdynap.ir.result import CoreStats, Result, Semantics
from nirdynap.ir.spec import CoreSpec, OutputPort, Spec
from nirdynap.ir.units import DEFAULT_DT_US, INT16_MAX, INT16_MIN, US_PER_S, IntArray, Shape

Address = tuple[int, int, int]
"""(channel, y, x)"""


class _Spike(NamedTuple):
    """`n` equal spikes, one after the other."""

    time: int
    address: Address
    n: int = 1


def clocked(
    spec: Spec,
    raster: npt.ArrayLike,
    *,
    saturate: bool = True,
    spikes_per_step: SpikesPerStep | None = None,
    record: Literal["outputs", "all"] = "outputs",
    dt_us: int = DEFAULT_DT_US,
) -> Result:
    """The clocked run of counts [time, channel, y, x] or [time, batch, channel, y, x], from fresh states."""
    counts = np.asarray(raster, dtype=np.int64)
    batch = counts[:, None] if counts.ndim == 4 else counts
    many = (spikes_per_step or spec.spikes_per_step) == "many"
    samples = [_Sample(spec) for _ in range(batch.shape[1])]
    for index, sample in enumerate(samples):
        for step in range(len(batch)):
            _clocked_step(sample, step * dt_us, batch[step, index], saturate, many)
    clock = None if spec.slow_clock is None else [_step_ticks(spec, c, dt_us) for c in np.moveaxis(batch, 1, 0)]
    return _result(spec, samples, "clocked", saturate, record, dt_us, len(batch), clock)


def event(
    spec: Spec,
    recording: Events | Sequence[Events],
    *,
    order: Literal["depth", "breadth"] = "depth",
    emission: Literal["raster", "channel"] = "raster",
    bias_clock_us: int | None = None,
    duration_us: int | None = None,
    record: Literal["outputs", "all"] = "outputs",
    dt_us: int = DEFAULT_DT_US,
) -> Result:
    """The event run of one recording or several (a batch), from fresh states."""
    recordings = [recording] if isinstance(recording, Events) else list(recording)
    samples = [_Sample(spec) for _ in recordings]
    run = _breadth if order == "breadth" else _depth
    clock: list[list[int]] = []
    for sample, events in zip(samples, recordings, strict=True):
        last = int(events.t[-1]) if len(events) else 0
        ticks = _ticks(spec, events, bias_clock_us, last if duration_us is None else duration_us)
        clock.append(ticks)
        for time, address in _with_ticks(events, ticks):
            if address is None:
                _tick(sample)
            else:
                run(sample, _Spike(time, address), emission)
    lasts = [int(events.t[-1]) // dt_us + 1 for events in recordings if len(events)]
    steps = max(lasts, default=0) if duration_us is None else -(-duration_us // dt_us)
    ticking = bias_clock_us is not None or spec.slow_clock is not None
    return _result(spec, samples, "event", True, record, dt_us, steps, clock if ticking else None)


class _Sample:
    """State and books of one sample; everything is keyed by hardware core."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.membranes: dict[int, IntArray] = {}
        for core in spec.cores:
            start = np.zeros(core.neuron_shape) if core.initial_state is None else core.initial_state
            self.membranes[core.core] = np.array(start, dtype=np.int64)
        self.decimated = {core.core: 0 for core in spec.cores}
        self.spikes: list[tuple[int, _Spike]] = []  # of all cores, in the order in which they were emitted
        self.synaptic_operations = {core.core: 0 for core in spec.cores}
        self.saturated = {core.core: 0 for core in spec.cores}
        self.dropped = {core.core: 0 for core in spec.cores}
        self.dvs_dropped = 0

    def saturate16(self, core: CoreSpec, value: int) -> int:
        if INT16_MIN <= value <= INT16_MAX:
            return value
        self.saturated[core.core] += 1
        return INT16_MAX if value > 0 else INT16_MIN

    def emit(self, core: CoreSpec, spike: _Spike) -> int:
        """Send spikes through the core's decimator; records those that pass and returns how many they are."""
        total = self.decimated[core.core] + spike.n
        passed = total // core.decimator
        self.decimated[core.core] = total % core.decimator
        if passed > 0:
            self.spikes.append((core.core, spike._replace(n=passed)))
        for port in self.spec.outputs:
            if port.core == core.core and _at(spike.address, core, port.pooling, 0, core.neuron_shape) is None:
                self.dropped[core.core] += passed
        return passed

    def entries(self, spike: _Spike) -> Iterator[tuple[CoreSpec, Address]]:
        """Where external spikes go, in order."""
        seen = _seen(self.spec.dvs, spike.address)
        if seen is None:
            self.dvs_dropped += spike.n
            return
        c, y, x = seen
        for port in self.spec.inputs:
            core = self.spec.core(port.core)
            if _inside((c + port.feature_shift, y, x), core.input_shape):
                yield core, (c + port.feature_shift, y, x)
            else:
                self.dropped[core.core] += spike.n

    def copies(self, core: CoreSpec, spike: _Spike) -> Iterator[tuple[CoreSpec, Address]]:
        """Where spikes of `core` go: slot 0, then slot 1."""
        for d in core.destinations:
            target = self.spec.core(d.core)
            arrival = _at(spike.address, core, d.pooling, d.feature_shift, target.input_shape)
            if arrival is None:
                self.dropped[core.core] += spike.n
            else:
                yield target, arrival


def _seen(dvs: DvsLayer | None, address: Address) -> Address | None:
    """Where the cores see a spike of the input, or None where the DVS layer drops it."""
    if dvs is None:
        return address
    polarity, row, column = address
    if dvs.polarity != "both" and polarity != {"off": 0, "on": 1}[dvs.polarity]:
        return None
    rows = list(range(dvs.origin[0], dvs.origin[0] + dvs.size[0]))
    columns = list(range(dvs.origin[1], dvs.origin[1] + dvs.size[1]))
    if row // dvs.pooling[0] not in rows or column // dvs.pooling[1] not in columns:
        return None
    y = (rows[::-1] if dvs.mirror_y else rows).index(row // dvs.pooling[0])
    x = (columns[::-1] if dvs.mirror_x else columns).index(column // dvs.pooling[1])
    channel = 0 if dvs.merge else polarity
    return (channel, x, y) if dvs.mirror_diagonal else (channel, y, x)


def _inside(address: Address, shape: Shape) -> bool:
    return all(i < n for i, n in zip(address, shape, strict=True))


def _at(address: Address, core: CoreSpec, pooling: int, shift: int, target: Shape) -> Address | None:
    """Address of a spike of `core` at a map of shape `target`, or None where it is dropped."""
    c, y, x = address
    _, height, width = core.neuron_shape
    arrival = (c + shift, y // pooling, x // pooling)
    remainder = y >= height // pooling * pooling or x >= width // pooling * pooling
    return None if remainder or not _inside(arrival, target) else arrival


# --- clocked ----------------------------------------------------------------------------------------------------------


def _clocked_step(sample: _Sample, time: int, counts: IntArray, saturate: bool, many: bool) -> None:
    waiting = {core.core: np.zeros(core.input_shape, dtype=np.int64) for core in sample.spec.cores}
    for c, y, x in np.argwhere(counts).tolist():
        external = _Spike(time, (c, y, x), int(counts[c, y, x]))
        for core, arrival in sample.entries(external):
            waiting[core.core][arrival] += external.n
    for core in sample.spec.cores:
        currents = _conv(sample, core, waiting[core.core])
        for o, oy, ox in np.ndindex(core.neuron_shape):
            bias = 0 if core.bias is None else int(core.bias[o])
            v = int(sample.membranes[core.core][o, oy, ox]) + int(currents[o, oy, ox]) + bias
            saturated = sample.saturate16(core, v)
            v = saturated if saturate else v
            n = max(v, 0) // core.threshold_high
            n = n if many else min(n, 1)
            if n > 0:
                v = 0 if core.return_to_zero else v - n * core.threshold_high
            sample.membranes[core.core][o, oy, ox] = max(v, core.threshold_low)
            passed = sample.emit(core, _Spike(time, (o, oy, ox), n))
            for target, arrival in sample.copies(core, _Spike(time, (o, oy, ox), passed)):
                waiting[target.core][arrival] += passed


def _step_ticks(spec: Spec, counts: IntArray, dt_us: int) -> list[int]:
    """Moments at which the clock has ticked in counts [time, c, y, x]; what a step holds happens at its end."""
    ends = [(step + 1) * dt_us for step in range(len(counts))]
    events = np.array([end for end, made in zip(ends, counts, strict=True) for _ in range(int(made.sum()))], np.int64)
    everywhere = np.zeros(len(events), dtype=np.int64)
    return _ticks(spec, Events(t=events, c=everywhere, y=everywhere, x=everywhere), None, len(counts) * dt_us)


def _conv(sample: _Sample, core: CoreSpec, counts: IntArray) -> IntArray:
    """Cross-correlation of the input counts with the weights, as torch."""
    (sy, sx), (py, px) = core.stride, core.padding
    _, _, ky, kx = core.weights.shape
    weights = core.weights.astype(np.int64)
    padded = np.pad(counts, ((0, 0), (py, py), (px, px)))
    currents = np.zeros(core.neuron_shape, dtype=np.int64)
    for oy, ox in np.ndindex(core.neuron_shape[1:]):
        window = padded[:, oy * sy : oy * sy + ky, ox * sx : ox * sx + kx]
        currents[:, oy, ox] = (weights * window).sum(axis=(1, 2, 3))
        sample.synaptic_operations[core.core] += int(((weights != 0) * window).sum())
    return currents


# --- event ------------------------------------------------------------------------------------------------------------


def _ticks(spec: Spec, events: Events, period: int | None, duration: int) -> list[int]:
    """Moments at which the clock has ticked, in whole microseconds: every period, or as the spec's clock has it."""
    if period is not None:
        return list(range(period, duration + 1, period))
    if isinstance(spec.slow_clock, ExternalClock):
        hz = spec.slow_clock.hz
        return [k * US_PER_S // hz for k in range(1, duration + 1) if k * US_PER_S <= duration * hz]
    if isinstance(spec.slow_clock, InternalClock):
        return [int(time) for n, time in enumerate(events.t, start=1) if n % 2**spec.slow_clock.divider == 0]
    return []


def _with_ticks(events: Events, ticks: list[int]) -> Iterator[tuple[int, Address | None]]:
    """Events and ticks (address None) in order; a tick comes after all events with time <= its own."""
    left = list(ticks)
    for time, c, y, x in zip(events.t, events.c, events.y, events.x, strict=True):
        while left and left[0] < time:
            yield left.pop(0), None
        yield int(time), (int(c), int(y), int(x))
    for tick in left:
        yield tick, None


def _tick(sample: _Sample) -> None:
    for core in sample.spec.cores:
        if core.bias is not None:
            v = sample.membranes[core.core]
            for o, oy, ox in np.ndindex(core.neuron_shape):
                moved = sample.saturate16(core, int(v[o, oy, ox]) + int(core.bias[o]))
                v[o, oy, ox] = max(moved, core.threshold_low)


def _depth(sample: _Sample, external: _Spike, emission: str) -> None:
    def deliver(core: CoreSpec, address: Address) -> None:
        for spike in _update(sample, core, address, external.time, emission):
            for target, arrival in sample.copies(core, spike):
                deliver(target, arrival)

    for core, address in sample.entries(external):
        deliver(core, address)


def _breadth(sample: _Sample, external: _Spike, emission: str) -> None:
    waiting: dict[int, list[Address]] = {core.core: [] for core in sample.spec.cores}
    for core, address in sample.entries(external):
        waiting[core.core].append(address)
    for core in sample.spec.cores:
        for address in waiting[core.core]:
            for spike in _update(sample, core, address, external.time, emission):
                for target, arrival in sample.copies(core, spike):
                    waiting[target.core].append(arrival)


def _update(sample: _Sample, core: CoreSpec, address: Address, time: int, emission: str) -> list[_Spike]:
    """One event at one core; the spikes it causes that pass the decimator, in emission order."""
    c, y, x = address
    _, _, height, width = core.weights.shape
    membranes = sample.membranes[core.core]
    spikes = []
    for o, oy, ox in _targets(core.neuron_shape, emission):
        ky = y + core.padding[0] - oy * core.stride[0]
        kx = x + core.padding[1] - ox * core.stride[1]
        if not (0 <= ky < height and 0 <= kx < width and core.weights[o, c, ky, kx] != 0):
            continue
        sample.synaptic_operations[core.core] += 1
        v = sample.saturate16(core, int(membranes[o, oy, ox]) + int(core.weights[o, c, ky, kx]))
        if v >= core.threshold_high:
            spikes.append(_Spike(time, (o, oy, ox)))
            v = 0 if core.return_to_zero else v - core.threshold_high
        membranes[o, oy, ox] = max(v, core.threshold_low)
    return [spike for spike in spikes if sample.emit(core, spike) == 1]


def _targets(shape: Shape, emission: str) -> Iterable[Address]:
    channels, height, width = shape
    if emission == "channel":
        return ((o, oy, ox) for o in range(channels) for oy in range(height) for ox in range(width))
    return ((o, oy, ox) for oy in range(height) for ox in range(width) for o in range(channels))


# --- result -----------------------------------------------------------------------------------------------------------


def _result(
    spec: Spec,
    samples: list[_Sample],
    semantics: Semantics,
    saturate: bool,
    record: str,
    dt_us: int,
    steps: int,
    ticks: list[list[int]] | None,
) -> Result:
    cores = spec.cores

    def raster(ports: tuple[OutputPort, ...]) -> IntArray:
        counts = np.zeros((steps, len(samples), *spec.joined_shape(ports)), dtype=np.int64)
        for b, sample in enumerate(samples):
            for spike in _read(sample, ports):
                counts[spike.time // dt_us, b][spike.address] += spike.n
        return counts

    def events(ports: tuple[OutputPort, ...]) -> tuple[Events, ...]:
        if semantics == "clocked":
            counts = raster(ports)
            return tuple(Events.from_raster(counts[:, b], dt_us=dt_us) for b in range(len(samples)))
        return tuple(_events(_read(sample, ports)) for sample in samples)

    outputs = {name: spec.ports(name) for name in spec.output_names}
    everything = {core.core: (OutputPort(core.core, 1, ""),) for core in (cores if record == "all" else ())}
    width = np.int16 if saturate else np.int32
    return Result(
        semantics=semantics,
        spec=spec,
        dt_us=dt_us,
        counts={c.core: _counts(samples, c) for c in cores},
        membranes={c.core: np.stack([s.membranes[c.core] for s in samples]).astype(width) for c in cores},
        stats={c.core: _stats(samples, c) for c in cores},
        output_rasters={name: raster(ports) for name, ports in outputs.items()},
        output_events={name: events(ports) for name, ports in outputs.items()},
        rasters={c: raster(ports) for c, ports in everything.items()} if semantics == "clocked" else {},
        spikes={c: events(ports) for c, ports in everything.items()} if semantics == "event" else {},
        dvs_dropped=sum(s.dvs_dropped for s in samples),
        ticks=None if ticks is None else tuple(np.array(moments, dtype=np.int64) for moments in ticks),
    )


def _counts(samples: list[_Sample], core: CoreSpec) -> IntArray:
    counts = np.zeros((len(samples), *core.neuron_shape), dtype=np.int64)
    for b, sample in enumerate(samples):
        for index, spike in sample.spikes:
            if index == core.core:
                counts[b][spike.address] += spike.n
    return counts


def _stats(samples: list[_Sample], core: CoreSpec) -> CoreStats:
    return CoreStats(
        spikes=sum(spike.n for s in samples for index, spike in s.spikes if index == core.core),
        synaptic_operations=sum(s.synaptic_operations[core.core] for s in samples),
        saturated=sum(s.saturated[core.core] for s in samples),
        dropped=sum(s.dropped[core.core] for s in samples),
    )


def _read(sample: _Sample, ports: tuple[OutputPort, ...]) -> list[_Spike]:
    """What arrives at the output that some ports make."""
    shape = sample.spec.joined_shape(ports)
    arrived = []
    for index, spike in sample.spikes:
        for port in ports:
            if port.core == index:
                address = _at(spike.address, sample.spec.core(index), port.pooling, port.feature_shift, shape)
                if address is not None:
                    arrived.append(spike._replace(address=address))
    return arrived


def _events(spikes: list[_Spike]) -> Events:
    return Events(
        t=np.array([spike.time for spike in spikes], dtype=np.int64),
        c=np.array([spike.address[0] for spike in spikes], dtype=np.int32),
        y=np.array([spike.address[1] for spike in spikes], dtype=np.int32),
        x=np.array([spike.address[2] for spike in spikes], dtype=np.int32),
    )
