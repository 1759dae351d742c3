"""What happened to one neuron in two runs: from moment to moment, and where its membranes first part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, final

import numpy as np

from nirdynap.ir.events import Events
from nirdynap.sim.stimulus import Stimulus
from nirdynap.verify.pushes import Push
from nirdynap.verify.replay import Rule
from nirdynap.verify.runs import Piece, Run, SimulatorRun

_SPIKES_AT_ONCE = 1 << 14  # of the recording
_COUNTS_AT_ONCE = 1 << 20  # of the raster of the largest layer
_CUTS = 32
_ALIKE = 1e-9  # thresholds; float64 sums of a run err by some 1e-13
_ROUNDED = 0.1  # thresholds; what weights rounded to 8 bits make of a few inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A recording in moments: time steps, or for two event runs the external events, one after the other."""

    stimulus: Stimulus
    dt_us: int
    by_event: bool

    @property
    def moments(self) -> int:
        """How many there are."""
        return len(self.stimulus.t) if self.by_event else max(1, self.stimulus.steps)

    def t_us(self, moment: int) -> int:
        """When it begins."""
        return int(self.stimulus.t[moment]) if self.by_event else moment * self.dt_us

    def end_us(self, moment: int) -> int:
        """When it has ended: up to here, and this time included, the bias clock ticks."""
        if moment < 0:
            return 0
        return int(self.stimulus.t[moment]) if self.by_event else (moment + 1) * self.dt_us - 1

    def part(self, start: int, end: int) -> Piece:
        """The moments from `start` up to, not including, `end`."""
        s = self.stimulus
        if self.by_event:
            return Piece(events=_events(s, slice(start, end), 0), start_us=0, duration_us=None)
        times = (start * self.dt_us, end * self.dt_us)
        first, last = np.searchsorted(s.t, times)
        return Piece(
            events=_events(s, slice(first, last), times[0]), start_us=times[0], duration_us=times[1] - times[0]
        )

    def cuts(self, start: int, end: int, largest: int) -> Iterator[tuple[int, int]]:
        """From `start` to `end` in parts that each take little memory; `largest` layer's number of neurons."""
        stride = _SPIKES_AT_ONCE
        if not self.by_event:
            per_moment = len(self.stimulus.t) // self.moments + 1
            stride = max(1, min(_SPIKES_AT_ONCE // per_moment, _COUNTS_AT_ONCE // largest))
        for first in range(start, end, stride):
            yield first, min(first + stride, end)


def timeline(s: Stimulus, dt_us: int, *, by_event: bool) -> Timeline:
    """The timeline of one sample, each of its spikes on its own."""
    single = s if s.count.max(initial=1) == 1 else s.single()
    return Timeline(stimulus=single, dt_us=dt_us, by_event=by_event)


def _events(s: Stimulus, part: slice, start_us: int) -> Events:
    return Events(t=s.t[part] - start_us, c=s.c[part], y=s.y[part], x=s.x[part])


class Side(NamedTuple):
    """One neuron in one run over one moment.

    Attributes:
        before, after: its membrane; of a float run beside one in integers times their scale, as the weights are.
        spikes: how many it emitted.
        pushes: the spikes that touched it, in order; remainder: those that a pooling dropped on their way.
    """

    before: float
    after: float
    spikes: int
    pushes: tuple[Push, ...]
    remainder: tuple[Push, ...] = ()


class Update(NamedTuple):
    """One moment of a neuron in both runs.

    Attributes:
        at: the time step, or the index of the external event; t_us: its time.
        since_us, end_us: ends of the moment before and of this one.
        a, b: the neuron in each run.
    """

    at: int
    t_us: int
    since_us: int
    end_us: int
    a: Side
    b: Side


@final
class Walk:
    """A run on its way along a timeline, watched at one neuron."""

    def __init__(self, run: Run, timeline: Timeline, layer: int, neuron: int, scale: float) -> None:
        self._run = run
        self._timeline = timeline
        self._layer = layer
        self._neuron = neuron
        self._scale = scale
        self._largest = max(int(np.prod(each.shape)) for each in run.layers)
        self.at = 0
        self.spikes = 0
        run.restart()

    @property
    def membrane(self) -> float:
        """Where it is now."""
        return self._run.membrane(self._layer, self._neuron) * self._scale

    @property
    def rule(self) -> Rule:
        """What it does with its inputs."""
        return self._run.rule(self._layer, self._neuron).times(self._scale)

    def go(self, moment: int) -> None:
        """On to where all moments before `moment` have passed; back to the start first, where that is needed."""
        goes_on = self._run.goes_on
        if moment < self.at or not goes_on:
            self._run.restart()
            self.at = self.spikes = 0
        whole = ((self.at, moment),) if moment > self.at else ()
        for start, end in self._timeline.cuts(self.at, moment, self._largest) if goes_on else whole:
            self._run.advance(self._timeline.part(start, end))
            mine = self._run.spikes(self._layer)
            self.spikes += int(mine.n[mine.neuron == self._neuron].sum())
        self.at = moment

    def step(self) -> Side:
        """One moment further, and all that happened in it."""
        before, spikes, goes_on = self.membrane, self.spikes, self._run.goes_on
        known = 0 if goes_on or self.at == 0 else len(self._run.pushes(self._layer, self._neuron))
        self.go(self.at + 1)
        seen = self._run.pushes(self._layer, self._neuron)[known:]
        pushes = tuple(p._replace(weight=p.weight * self._scale) for p in seen)
        return Side(
            before=before,
            after=self.membrane,
            spikes=self.spikes - spikes,
            pushes=tuple(p for p in pushes if p.kept),
            remainder=tuple(p for p in pushes if not p.kept),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two runs watched at the same neuron; their membranes are the same up to `tolerance`."""

    a: Walk
    b: Walk
    timeline: Timeline
    cuts: int
    tolerance: float

    def updates(self, start: int, stop: int) -> tuple[Update, ...]:
        """What happened in the moments from `start` up to, not including, `stop`."""
        self.a.go(start)
        self.b.go(start)
        line = self.timeline
        return tuple(
            Update(i, line.t_us(i), line.end_us(i - 1), line.end_us(i), self.a.step(), self.b.step())
            for i in range(start, stop)
        )

    def first(self, what: Literal["membrane", "spikes"], start: int, stop: int) -> int:
        """A moment that makes the two differ, which are equal before `start` and differ before `stop`."""
        while stop - start > 1:
            cuts = np.unique(np.linspace(start, stop, min(self.cuts, stop - start) + 1).astype(int)).tolist()
            for previous, cut in pairwise(cuts):
                if cut == stop or self._differ(what, cut):
                    start, stop = previous, cut
                    break
        return start

    def _differ(self, what: Literal["membrane", "spikes"], moment: int) -> bool:
        self.a.go(moment)
        self.b.go(moment)
        if what == "spikes":
            return self.a.spikes != self.b.spikes
        return not self.alike(self.a.membrane, self.b.membrane)

    def alike(self, a: float, b: float) -> bool:
        """Are these two membranes the same?"""
        return abs(a - b) <= self.tolerance


def pair(a: Run, b: Run, timeline: Timeline, layers: tuple[int, int], neuron: int) -> Pair:
    """Both runs at their start."""
    walks = [
        Walk(run, timeline, layer, neuron, _scale(run, layer, other, twin, neuron))
        for run, layer, other, twin in ((a, layers[0], b, layers[1]), (b, layers[1], a, layers[0]))
    ]
    kinds = {run.semantics == "float" for run in (a, b)}
    share = _ROUNDED if len(kinds) == 2 else _ALIKE if True in kinds else 0.0
    return Pair(
        a=walks[0],
        b=walks[1],
        timeline=timeline,
        cuts=_CUTS if a.goes_on and b.goes_on else 2,
        tolerance=share * walks[0].rule.threshold,
    )


def _scale(run: Run, layer: int, other: Run, twin: int, neuron: int) -> float:
    """What a float run's numbers are multiplied by to be those of the other run, which is in integers."""
    if run.semantics != "float" or not isinstance(other, SimulatorRun):
        return 1.0
    core, _ = other.core_of(twin, neuron)
    threshold = run.rule(layer, neuron).threshold
    rounded = abs(core.scale * threshold - core.threshold_high) <= 0.5
    return core.scale if rounded else core.threshold_high / threshold
