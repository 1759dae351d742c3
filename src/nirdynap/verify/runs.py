"""Anything that runs a network, in the one form that the locator asks: more input in, spikes and membranes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias, final

import numpy as np

from nirdynap.errors import BAD_RUN_OPTION, InputError
from nirdynap.interpret.run import advance
from nirdynap.ir.arguments import described, wrong
from nirdynap.ir.events import Events
from nirdynap.ir.network import IF, Network
from nirdynap.ir.result import Result, Semantics
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import FloatArray, IntArray, Shape
from nirdynap.sim.asynchronous import EventSimulator
from nirdynap.sim.clocked import ClockedSimulator
from nirdynap.sim.protocol import Simulator
from nirdynap.sim.stimulus import Stimulus
from nirdynap.verify.rungs import lateness

_CLOCKED = {"saturate", "spikes_per_step"}
_EVENT = {"order", "emission", "bias_clock_us"}


@final
class Ran:
    """A spec and how it is run, for `nirdynap.locate`.

    Args:
        source: the spec.
        semantics: "clocked" or "event".
        **options: those of `nirdynap.simulate` that decide what is computed: saturate and spikes_per_step of a clocked
            run; order, emission and bias_clock_us of an event run.

    Raises:
        InputError: ND507 for an option that such a run does not have.
    """

    __slots__ = ("options", "semantics", "source")

    def __init__(self, source: Spec, semantics: Semantics = "clocked", **options: Any) -> None:
        known = _CLOCKED if semantics == "clocked" else _EVENT
        if semantics not in ("clocked", "event"):
            raise InputError(
                [BAD_RUN_OPTION.at("$.semantics", parameter="semantics", value=str(semantics), limit="clocked, event")]
            )
        if unknown := set(options) - known:
            limit = f"one of {', '.join(sorted(known))} in {semantics} runs"
            raise InputError(
                [BAD_RUN_OPTION.at(f"$.{name}", parameter=name, value="given", limit=limit) for name in sorted(unknown)]
            )
        self.source = source
        self.semantics = semantics
        self.options: Mapping[str, Any] = dict(options)


Runner: TypeAlias = Spec | Ran | Network | Simulator
"""A Spec (clocked), a spec with options of a run, a float network, or a simulator that is ready to run."""


class Layer(NamedTuple):
    """A layer of neurons: its name, its shape (C, H, W), and all of the user's nodes that it stands for."""

    name: str
    shape: Shape
    nodes: frozenset[str]


class Spikes(NamedTuple):
    """Spikes of one layer: time in microseconds, index of the neuron in C order, how many; int64 [n] each."""

    t: IntArray
    neuron: IntArray
    n: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some of a recording: the spikes from `start_us` on, counted from there, and how long it is (None: to the last)."""

    events: Events
    start_us: int
    duration_us: int | None


def piece(s: Stimulus, start_us: int, end_us: int) -> Piece:
    """The spikes of `s` from `start_us` up to, not including, `end_us`."""
    first, last = np.searchsorted(s.t, (start_us, end_us))
    return Piece(events=_events(s, first, last, start_us), start_us=start_us, duration_us=end_us - start_us)


def _events(s: Stimulus, first: int, last: int, start_us: int) -> Events:
    part = slice(first, last)
    t, c, y, x = (np.repeat(array[part], s.count[part]) for array in (s.t, s.c, s.y, s.x))
    return Events(t=t - start_us, c=c, y=y, x=x)


class Run(Protocol):
    """A run of one sample that goes on from piece to piece."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """In topological order."""
        ...

    @property
    def input_shape(self) -> Shape:
        """(C, H, W) of what it takes in."""
        ...

    @property
    def about(self) -> str:
        """What runs, for people."""
        ...

    @property
    def semantics(self) -> str:
        """Which kind of run."""
        ...

    def restart(self) -> None:
        """Back to the first states."""
        ...

    def advance(self, part: Piece) -> None:
        """Run on with the next piece."""
        ...

    def spikes(self, layer: int) -> Spikes:
        """Those of the last piece, by time."""
        ...

    def membrane(self, layer: int, neuron: int) -> float:
        """Where it is after the last piece."""
        ...


@final
class SimulatorRun:
    """The run of a spec by a simulator."""

    def __init__(self, simulator: Simulator, spec: Spec, semantics: Semantics, dt_us: int) -> None:
        self.spec = spec
        self.semantics = semantics
        self.layers = tuple(
            Layer(
                cores[0].name,
                (sum(c.neuron_shape[0] for c in cores), *cores[0].neuron_shape[1:]),
                frozenset({cores[0].name, *cores[0].origin}),
            )
            for cores in spec.layers
        )
        self.input_shape = spec.input_shape
        self.about = f"{semantics} run of spec {spec.digest()[:12]}"
        self._simulator = simulator
        self._dt_us = dt_us
        self._start_us = 0
        self._result: Result | None = None

    def restart(self) -> None:
        """Back to the spec's initial states."""
        self._simulator.reset_states()

    def advance(self, part: Piece) -> None:
        """Run on with the next piece."""
        self._start_us = part.start_us
        self._result = self._simulator.run([part.events], record="all", dt_us=self._dt_us, duration_us=part.duration_us)

    def spikes(self, layer: int) -> Spikes:
        """Those of the last piece, by time; at equal times in the order in which they were emitted, core by core."""
        parts = list(self._core_spikes(layer))
        t, neuron, n = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(t, kind="stable")
        return Spikes(t[order], neuron[order], n[order])

    def _core_spikes(self, layer: int) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
        assert self._result is not None
        first = 0
        for core in self.spec.layers[layer]:
            if self._result.semantics == "clocked":
                raster = self._result.rasters[core.core][:, 0].reshape(-1, int(np.prod(core.neuron_shape)))
                step, neuron = np.nonzero(raster)
                t, n = step * self._dt_us, raster[step, neuron]
            else:
                events = self._result.spikes[core.core][0]
                t, n = events.t, np.ones(len(events), dtype=np.int64)
                neuron = np.ravel_multi_index((events.c, events.y, events.x), core.neuron_shape)
            yield t + self._start_us, neuron + first, n
            first += int(np.prod(core.neuron_shape))

    def membrane(self, layer: int, neuron: int) -> float:
        """Where it is after the last piece."""
        assert self._result is not None
        for core in self.spec.layers[layer]:
            size = int(np.prod(core.neuron_shape))
            if neuron < size:
                return float(self._result.membranes[core.core][0].flat[neuron])
            neuron -= size
        raise AssertionError("the neuron is in the layer")


@final
class FloatRun:
    """The float run of a network. A layer that its convention delays is read as much later as it lags."""

    semantics = "float"

    def __init__(self, network: Network, dt_us: int) -> None:
        self.network = network
        self._neurons = tuple(n for n in network.nodes if isinstance(n, IF))
        self.layers = tuple(Layer(n.name, n.output_shape, frozenset({n.name})) for n in self._neurons)
        self.input_shape = network.input.input_shape
        self.about = f"float run of network {network.digest()[:12]}"
        self._late = lateness(network)
        self._dt_us = dt_us
        self._start_us = 0
        self._membranes: dict[str, FloatArray] = {}
        self._values: dict[str, FloatArray] = {}
        self.restart()

    def restart(self) -> None:
        """Back to empty membranes."""
        self._membranes = {n.name: np.zeros((1, *n.output_shape)) for n in self._neurons}

    def advance(self, part: Piece) -> None:
        """Run on with the next piece."""
        self._start_us = part.start_us
        raster = part.events.to_raster(self.input_shape, dt_us=self._dt_us, duration_us=part.duration_us)
        self._values, self._membranes, _ = advance(self.network, raster[:, None].astype(np.float64), self._membranes)

    def spikes(self, layer: int) -> Spikes:
        """Those of the last piece."""
        name = self._neurons[layer].name
        raster = self._values[name].reshape(len(self._values[name]), -1)
        step, neuron = np.nonzero(raster)
        t = (step - self._late[name]) * self._dt_us + self._start_us
        return Spikes(t, neuron, raster[step, neuron].astype(np.int64))

    def membrane(self, layer: int, neuron: int) -> float:
        """Where it is after the last piece."""
        return float(self._membranes[self._neurons[layer].name][0].flat[neuron])


def run_of(runner: Runner, name: str, dt_us: int) -> Run:
    """The run that `runner`, the parameter `name`, stands for.

    Raises:
        InputError: ND513 for what runs nothing; ND506, ND507 for its options.
    """
    if isinstance(runner, Network):
        return FloatRun(runner, dt_us)
    if isinstance(runner, Spec):
        runner = Ran(runner)
    if isinstance(runner, Ran):
        made = ClockedSimulator if runner.semantics == "clocked" else EventSimulator
        return SimulatorRun(made(runner.source, **runner.options), runner.source, runner.semantics, dt_us)
    if hasattr(runner, "run") and hasattr(runner, "reset_states"):
        nothing = np.zeros(0, dtype=np.int64)
        silence = Events(t=nothing, c=nothing, y=nothing, x=nothing)
        runner.reset_states()
        asked = runner.run([silence], dt_us=dt_us, duration_us=dt_us)
        return SimulatorRun(runner, asked.spec, asked.semantics, dt_us)
    remedy = f"not {described(runner)}: nirdynap.nir_to_dynapcnn(graph), nirdynap.read(graph), or nirdynap.verify.Ran"
    raise InputError([wrong(name, runner, "a Spec, a Ran, a Network or a simulator", remedy)])
