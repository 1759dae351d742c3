"""What a simulation returns, the same for every simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeVar

import numpy as np

from nirdynap.errors import NO_READOUT_BLOCK, NO_READOUT_CLOCK, InputError
from nirdynap.ir.dvs import DVS_DROPPED
from nirdynap.ir.events import Events
from nirdynap.ir.readout import ReadoutRecord, read_out
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray, decide, pool_counts, side_by_side

Semantics = Literal["clocked", "event"]
_K = TypeVar("_K")
_T = TypeVar("_T")


NO_RASTERS = 'each core\'s rasters are kept by a clocked run with record="all"'
NO_SPIKES = 'each core\'s spikes are kept by an event run with record="all"'


class LazyMapping(Mapping[_K, _T]):
    """A mapping that makes each value at first use, by the function given for its key, and keeps it.

    A long recording's dense raster can be far larger than its events, and seldom are both wanted. The KeyError of any
    other key says which keys there are, or `absent` where there is none.
    """

    __slots__ = ("_absent", "_made", "_makers")

    def __init__(self, makers: Mapping[_K, Callable[[], _T]], absent: str = "") -> None:
        self._makers = dict(makers)
        self._absent = absent
        self._made: dict[_K, _T] = {}

    def __getitem__(self, key: _K) -> _T:
        if key not in self._makers:
            known = ", ".join(map(repr, self._makers))
            raise KeyError(f"no {key!r} here: {f'there are {known}' if known else self._absent}")
        if key not in self._made:
            self._made[key] = self._makers[key]()
        return self._made[key]

    def __repr__(self) -> str:
        keys = ", ".join(map(repr, self._makers))
        return f"LazyMapping({{{keys}}}, each made at first use)"

    def __contains__(self, key: object) -> bool:
        return key in self._makers

    def __iter__(self) -> Iterator[_K]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreStats:
    """Counters of one core over a run and all samples.

    Attributes:
        spikes: spikes emitted, before pooling, after decimation.
        synaptic_operations: non-zero weights touched by incoming spikes.
        saturated: updates whose sum left the int16 range.
        dropped: copies of spikes, on their way to a destination, an output, or in from outside, that fell off the
            target map (remainder rows and columns of a pooling).
    """

    spikes: int
    synaptic_operations: int
    saturated: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoreRecord:
    """What `result["node name"]` returns: one layer's part of the result.

    Attributes:
        cores: hardware index of the core that holds it, or of each that it is split over, lower channels first.
        counts, membrane: of all its channels, as in `Result`; stats: summed over its cores.
    """

    cores: tuple[int, ...]
    counts: IntArray
    membrane: IntArray
    stats: CoreStats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Result:
    """Outcome of one run. Two results are equal when they are one; compare what they hold.

    Attributes:
        semantics: "clocked" (time steps) or "event" (asynchronous); they are different answers.
        spec: what was run.
        dt_us: length of a time step in microseconds, also used to turn events into rasters and back.
        counts: per hardware core, int64 [batch, c, y, x], spikes before pooling, after decimation.
        membranes: per hardware core, [batch, c, y, x] at the end of the run; int16 (int32 with saturate=False).
        stats: per hardware core.
        output_rasters: per Output node, int64 [time, batch, c, y, x], after the output's pooling.
        output_events: per Output node, one Events for each sample.
        rasters: with record="all", clocked: per core [time, batch, c, y, x], before pooling.
        spikes: with record="all", event: per core one Events for each sample, before pooling.
        dvs_dropped: external spikes that the DVS layer let through to no core.
        ticks: for each sample, int64 [tick], moments in microseconds at which the slow clock has ticked; None without
            one. In a clocked run a time step's spikes count at its end.
    """

    semantics: Semantics
    spec: Spec
    dt_us: int
    counts: Mapping[int, IntArray]
    membranes: Mapping[int, IntArray]
    stats: Mapping[int, CoreStats]
    output_rasters: Mapping[str, IntArray]
    output_events: Mapping[str, tuple[Events, ...]]
    rasters: Mapping[int, IntArray]
    spikes: Mapping[int, tuple[Events, ...]]
    dvs_dropped: int = 0
    ticks: tuple[IntArray, ...] | None = None

    def __repr__(self) -> str:
        samples = len(next(iter(self.counts.values())))
        spikes = {part[0].name: sum(self.stats[c.core].spikes for c in part) for part in self.spec.layers}
        dropped = f", {self.dvs_dropped} {DVS_DROPPED}" if self.dvs_dropped else ""
        sums = {name: sum(getattr(s, name) for s in self.stats.values()) for name in ("saturated", "dropped")}
        told = f", {sums['saturated']} saturated updates" if sums["saturated"] else ""
        told += f", {sums['dropped']} spikes dropped at the edges of maps" if sums["dropped"] else ""
        return f"Result({self.semantics!r}, {samples} samples, spikes {spikes}{told}{dropped})"

    @property
    def raster(self) -> IntArray | Mapping[str, IntArray]:
        """Output counts [time, batch, c, y, x]; a mapping by Output node where there are several."""
        return only(self.output_rasters)

    @property
    def events(self) -> Events | tuple[Events, ...] | Mapping[str, tuple[Events, ...]]:
        """Output events of the run: Events for one sample, a tuple for a batch, a mapping for several outputs."""
        lists = only(self.output_events)
        return lists[0] if isinstance(lists, tuple) and len(lists) == 1 else lists

    @property
    def output_counts(self) -> Mapping[str, IntArray]:
        """Spikes of the run by Output node, after its pooling: int64 [batch, c, y, x]."""
        return {name: output_counts(self.spec, self.counts, name) for name in self.spec.output_names}

    @property
    def decisions(self) -> Mapping[str, IntArray]:
        """Decisions by Output node, also where there is only one: int64 [batch], as `decision` says."""
        return {name: decide(totals.reshape(len(totals), -1)) for name, totals in self.output_counts.items()}

    @property
    def decision(self) -> IntArray | Mapping[str, IntArray]:
        """Index of the output neuron (C-major) with most spikes, int64 [batch].

        The lowest of equal ones; -1 for a sample without a spike.
        """
        return only(self.decisions)

    @property
    def readout(self) -> tuple[ReadoutRecord, ...]:
        """What the chip's readout block reports of each sample, at each tick of the slow clock.

        Its counters start at 0 with the run.

        Raises:
            InputError: ND520 for a spec without the block, ND521 without a clock.
        """
        options = self.spec.readout
        if options is None or options.output is None:
            raise InputError([NO_READOUT_BLOCK.at("$.readout")])
        if self.ticks is None:
            raise InputError([NO_READOUT_CLOCK.at("$.slow_clock")])
        classes = self.spec.output_shape(options.output)[0]
        later = self.dt_us if self.semantics == "clocked" else 0
        samples = zip(self.ticks, self.output_events[options.output], strict=True)
        return tuple(read_out(options, ticks, spikes.t + later, spikes.c, classes) for ticks, spikes in samples)

    def __getitem__(self, name: str) -> CoreRecord:
        """The part of the layer that holds the user's node `name`."""
        cores = tuple(core.core for core in self.spec.find_cores(name))
        return CoreRecord(
            cores=cores,
            counts=side_by_side([self.counts[core] for core in cores], axis=1),
            membrane=side_by_side([self.membranes[core] for core in cores], axis=1),
            stats=CoreStats(**{f.name: sum(getattr(self.stats[c], f.name) for c in cores) for f in fields(CoreStats)}),
        )


def output_counts(spec: Spec, counts: Mapping[int, IntArray], name: str) -> IntArray:
    """Spikes at the Output node `name`, int64 [batch, c, y, x], from those of its cores [batch, c, y, x]."""
    first, *more = spec.ports(name)
    pooled = pool_counts(counts[first.core], first.pooling)
    if not more:
        return pooled
    joined = np.zeros((len(pooled), *spec.output_shape(name)), dtype=np.int64)
    for port in (first, *more):
        part = pool_counts(counts[port.core], port.pooling)
        joined[:, port.feature_shift : port.feature_shift + part.shape[1]] += part
    return joined


def only(by_output: Mapping[str, _T]) -> _T | Mapping[str, _T]:
    """The value of the one Output, or the mapping by name where there are several."""
    return next(iter(by_output.values())) if len(by_output) == 1 else by_output
