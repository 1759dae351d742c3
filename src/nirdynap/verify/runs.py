"""Anything that runs a network, in the one form that the locator asks: more input in, spikes and membranes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, final

import numpy as np

from nirdynap.errors import BAD_RUN_OPTION, InputError
from nirdynap.interpret.run import advance
from nirdynap.ir.arguments import wrong
from nirdynap.ir.events import Events
from nirdynap.ir.network import IF, Network
from nirdynap.ir.result import Result, Semantics
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import FloatArray, IntArray, Shape
from nirdynap.sim.asynchronous import EventSimulator
from nirdynap.sim.clocked import ClockedSimulator
from nirdynap.sim.protocol import Simulator
from nirdynap.verify.pushes import Push, external, float_bias, float_pushes, internal, pushes
from nirdynap.verify.replay import Rule
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
    """A layer of neurons: its name, its shape (C, H, W), all of the user's nodes that it stands for, and on how many
    cores it is, whose spikes at the same time have no order."""

    name: str
    shape: Shape
    nodes: frozenset[str]
    cores: int = 1


class Spikes(NamedTuple):
    """Spikes of one layer: time in microseconds, index of the neuron in C order, how many; int64 [n] each."""

    t: IntArray
    neuron: IntArray
    n: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some of a recording: the spikes from `start_us` on, counted from there, and its length (None: to the last)."""

    events: Events
    start_us: int
    duration_us: int | None


Kind = Literal["clocked", "event", "float"]


class Run(Protocol):
    """A run of one sample that goes on from piece to piece.

    Attributes:
        layers: in topological order; input_shape: (C, H, W) of what it takes in.
        about: what runs, for people; semantics: which kind of run.
        goes_on: False where a recording has to be run in one piece, from a restart.
    """

    layers: tuple[Layer, ...]
    input_shape: Shape
    about: str
    semantics: Kind
    goes_on: bool

    def restart(self) -> None:
        """Back to the first states."""

    def advance(self, part: Piece) -> None:
        """Run on with the next piece."""

    def spikes(self, layer: int) -> Spikes:
        """Those of the last piece, by time; event runs in the order in which a core emitted them."""
        ...

    def membrane(self, layer: int, neuron: int) -> float:
        """Where it is now."""
        ...

    def pushes(self, layer: int, neuron: int) -> tuple[Push, ...]:
        """The spikes of the last piece that touched the neuron, by time."""
        ...

    def rule(self, layer: int, neuron: int) -> Rule:
        """What the neuron does with its inputs."""
        ...


@final
class SimulatorRun:
    """The run of a spec by a simulator."""

    def __init__(self, simulator: Simulator, spec: Spec, semantics: Semantics, dt_us: int, **options: Any) -> None:
        self.spec = spec
        self.semantics: Kind = semantics
        self.layers = tuple(
            Layer(
                cores[0].name,
                (sum(c.neuron_shape[0] for c in cores), *cores[0].neuron_shape[1:]),
                frozenset({cores[0].name, *cores[0].origin}),
                len(cores),
            )
            for cores in spec.layers
        )
        self.input_shape = spec.input_shape
        said = "".join(f", {name} {value}" for name, value in options.items() if value is not None)
        self.about = f"{semantics} run of spec {spec.digest()[:12]}{said}"
        # The bias clock of a run starts anew with each recording, so that one cannot be cut.
        self.goes_on = semantics == "clocked" or all(core.bias is None for core in spec.cores)
        self._options: Mapping[str, Any] = options
        self._simulator = simulator
        self._dt_us = dt_us
        self._part: Piece | None = None
        self._result: Result | None = None

    def restart(self) -> None:
        """Back to the spec's initial states."""
        self._simulator.reset_states()
        self._result = None

    def advance(self, part: Piece) -> None:
        """Run on with the next piece."""
        self._part = part
        end = part.duration_us
        if not self.goes_on and end is not None and end - 1 > part.events.t.max(initial=0):
            end -= 1  # a tick at the end comes behind the events of that time, which this piece does not hold
        self._result = self._simulator.run([part.events], record="all", dt_us=self._dt_us, duration_us=end)

    def spikes(self, layer: int) -> Spikes:
        """Those of the last piece, by time; at equal times in the order in which they were emitted, core by core."""
        parts, first = [], 0
        for core in self.spec.layers[layer]:
            t, neuron, n = self._spikes_of(core)
            parts.append((t, neuron + first, n))
            first += int(np.prod(core.neuron_shape))
        t, neuron, n = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(t, kind="stable")
        return Spikes(t[order], neuron[order], n[order])

    def _spikes_of(self, core: CoreSpec) -> Spikes:
        assert self._result is not None
        assert self._part is not None
        if self._result.semantics == "clocked":
            raster = self._result.rasters[core.core][:, 0].reshape(-1, int(np.prod(core.neuron_shape)))
            step, neuron = np.nonzero(raster)
            return Spikes(step * self._dt_us + self._part.start_us, neuron, raster[step, neuron])
        events = self._result.spikes[core.core][0]
        neuron = np.ravel_multi_index((events.c, events.y, events.x), core.neuron_shape)
        return Spikes(events.t + self._part.start_us, neuron, np.ones(len(events), dtype=np.int64))

    def core_of(self, layer: int, neuron: int) -> tuple[CoreSpec, int]:
        """The core that holds a neuron of a layer, and its index there."""
        for core in self.spec.layers[layer]:
            size = int(np.prod(core.neuron_shape))
            if neuron < size:
                return core, neuron
            neuron -= size
        raise AssertionError("the neuron is in the layer")

    def membrane(self, layer: int, neuron: int) -> float:
        """Where it is now."""
        core, index = self.core_of(layer, neuron)
        if self._result is None:
            return 0.0 if core.initial_state is None else float(core.initial_state.flat[index])
        return float(self._result.membranes[core.core][0].flat[index])

    def pushes(self, layer: int, neuron: int) -> tuple[Push, ...]:
        """The spikes of the last piece that touched the neuron."""
        assert self._part is not None
        core, index = self.core_of(layer, neuron)
        o, oy, ox = (int(i) for i in np.unravel_index(index, core.neuron_shape))
        joined = self.semantics == "clocked"
        volleys = [external(self.spec, core, self._part.events, self._part.start_us, joined=joined)]
        volleys += [internal(source, core, *self._spikes_of(source)) for source in self.spec.cores]
        found = pushes(core, (o, oy, ox), chain.from_iterable(volleys))
        return tuple(sorted(found)) if joined else found  # a time step knows no order

    def rule(self, layer: int, neuron: int) -> Rule:
        """What the neuron does with its inputs."""
        core, index = self.core_of(layer, neuron)
        channel = index // int(np.prod(core.neuron_shape[1:]))
        event = self.semantics == "event"
        return Rule(
            threshold=core.threshold_high,
            low=core.threshold_low,
            zero=core.return_to_zero,
            bias=0 if core.bias is None else int(core.bias[channel]),
            clock_us=0 if core.bias is None or not event else self._options.get("bias_clock_us") or 0,
            saturate=self._options.get("saturate", True),
            many=not event and (self._options.get("spikes_per_step") or self.spec.spikes_per_step) == "many",
            waits=False,
            single=event,
        )


@final
class FloatRun:
    """The float run of a network. A layer that its convention delays is read as much earlier as it lags."""

    semantics: Kind = "float"

    def __init__(self, network: Network, dt_us: int) -> None:
        self.network = network
        self._neurons = tuple(n for n in network.nodes if isinstance(n, IF))
        self.layers = tuple(Layer(n.name, n.output_shape, frozenset({n.name})) for n in self._neurons)
        self.input_shape = network.input.input_shape
        self.about = f"float run of network {network.digest()[:12]}"
        self._late = lateness(network)
        self._last = max(self._late.values())
        self.goes_on = self._last == 0
        self._dt_us = dt_us
        self._start_us = 0
        self._states: list[dict[str, FloatArray]] = []
        self._values: dict[str, FloatArray] = {}
        self.restart()

    def restart(self) -> None:
        """Back to empty membranes."""
        self._states = [{n.name: np.zeros((1, *n.output_shape)) for n in self._neurons}]
        self._values = {}

    def advance(self, part: Piece) -> None:
        """Run on with the next piece, and as many steps without input as the last layer answers late."""
        self._start_us = part.start_us
        raster = part.events.to_raster(self.input_shape, dt_us=self._dt_us, duration_us=part.duration_us)
        values, state, _ = advance(self.network, raster[:, None].astype(np.float64), self._states[-1])
        self._states, made = [state], [values]
        for _ in range(self._last):
            values, state, _ = advance(self.network, np.zeros((1, 1, *self.input_shape)), state)
            self._states.append(state)
            made.append(values)
        names = (self.network.input.name, *(n.name for n in self._neurons))
        self._values = {name: np.concatenate([v.get(name, raster[:0, None]) for v in made]) for name in names}
        self._values[self.network.input.name] = raster[:, None].astype(np.float64)

    def _train(self, name: str) -> tuple[IntArray, FloatArray]:
        """Times in microseconds [time] and counts [time, c, y, x] of a node's spikes in the last piece."""
        steps = len(self._values[self.network.input.name])
        counts = self._values[name][self._late[name] : self._late[name] + steps, 0]
        return np.arange(len(counts)) * self._dt_us + self._start_us, counts

    def spikes(self, layer: int) -> Spikes:
        """Those of the last piece."""
        t, counts = self._train(self._neurons[layer].name)
        flat = counts.reshape(len(counts), -1)
        step, neuron = np.nonzero(flat)
        return Spikes(t[step], neuron, flat[step, neuron].astype(np.int64))

    def membrane(self, layer: int, neuron: int) -> float:
        """Where it is now; of a layer that answers late, where its decision on the last step left it."""
        node, at = self._address(layer, neuron)
        late = self._late[node.name]
        if late == 0 or not self._values:
            return float(self._states[0][node.name][0][at])
        v, n = self._states[late - 1][node.name][0][at], self._train(node.name)[1][-1][at]
        left = 0.0 if n > 0 and node.reset == "zero" else v - n * node.threshold[at]
        return float(left if node.v_min is None else max(left, node.v_min[at]))

    def _address(self, layer: int, neuron: int) -> tuple[IF, tuple[int, int, int]]:
        neurons = self._neurons[layer]
        c, y, x = (int(i) for i in np.unravel_index(neuron, neurons.output_shape))
        return neurons, (c, y, x)

    def pushes(self, layer: int, neuron: int) -> tuple[Push, ...]:
        """The spikes of the last piece that touched the neuron."""
        trains = {name: self._train(name) for name in self._values}
        return float_pushes(self.network, *self._address(layer, neuron), trains)

    def rule(self, layer: int, neuron: int) -> Rule:
        """What the neuron does with its inputs."""
        node, at = self._address(layer, neuron)
        return Rule(
            threshold=float(node.threshold[at]),
            low=None if node.v_min is None else float(node.v_min[at]),
            zero=node.reset == "zero",
            bias=float_bias(self.network, node, at),
            clock_us=0,
            saturate=False,
            many=self.network.convention.spikes_per_step == "many",
            waits=node.tie == "waits",
            single=False,
            decay=1.0 if node.decay is None else float(node.decay[at]),
        )


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
        simulator = made(runner.source, **runner.options)
        return SimulatorRun(simulator, runner.source, runner.semantics, dt_us, **runner.options)
    if hasattr(runner, "run") and hasattr(runner, "reset_states"):
        nothing = np.zeros(0, dtype=np.int64)
        silence = Events(t=nothing, c=nothing, y=nothing, x=nothing)
        runner.reset_states()
        asked = runner.run([silence], dt_us=dt_us, duration_us=dt_us)
        return SimulatorRun(runner, asked.spec, asked.semantics, dt_us)
    remedy = "nirdynap.nir_to_dynapcnn(graph), nirdynap.load(path), nirdynap.read(graph), or nirdynap.verify.Ran(spec)"
    raise InputError([wrong(name, runner, "a Spec, a Ran, a Network or a simulator", remedy)])
