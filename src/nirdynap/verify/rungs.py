"""The runs, each brought to the terms that all of them share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nirdynap.errors import TIE_APPROXIMATED, node_place
from nirdynap.interpret import interpret
from nirdynap.ir.network import IF, Network
from nirdynap.ir.result import Result
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import IntArray, decide, side_by_side

FloatRung = Literal["float", "leakless", "normalised", "lowered"]
IntegerRung = Literal["clocked", "single", "event", "chip"]
RungName = Literal["framework", FloatRung, IntegerRung, "silicon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTrace:
    """What one layer did on a rung, on some samples.

    Attributes:
        counts: int64 [sample, c, y, x], spikes summed over the run.
        raster: makes the spikes in each time step, [time, sample, c, y, x]; None where only the counts are known.
        ties: decisions that hung on a tie which the model and the chip take differently.
        saturated, dropped: as in `CoreStats`.
    """

    counts: IntArray
    raster: Callable[[], IntArray] | None
    ties: int = 0
    saturated: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one rung did on some samples.

    Attributes:
        name: the rung.
        layers: by the user's weight node, in topological order, those that are known.
        decisions: per Output node that is known, int64 [sample]; -1 without an output spike, as in `Result`.
        repeats: it is the rung before, as was proven, and was not run again.
    """

    name: RungName
    layers: Mapping[str, LayerTrace]
    decisions: Mapping[str, IntArray]
    repeats: bool = False

    def again(self, name: RungName) -> Trace:
        """The same spikes as those of another rung."""
        return dataclasses.replace(self, name=name, repeats=True)


def float_trace(name: FloatRung, network: Network, spec: Spec, raster: IntArray) -> Trace:
    """A float run on counts [time, sample, c, y, x].

    Where the convention delays each spiking layer, the chip does not: every layer is read as much later as it lags.
    """
    steps = len(raster)
    late = lateness(network)
    result = interpret(network, with_time_to_answer(network, raster), record="all")
    approximated = {note.place for note in spec.notes if note.code == TIE_APPROXIMATED.code}
    layers = {}
    for cores in spec.layers:
        neuron = neuron_of(cores, network)
        seen = result.rasters[neuron.name][late[neuron.name] : late[neuron.name] + steps]
        ties = result.ties[neuron.name] if node_place(neuron.name) in approximated else 0
        layers[cores[0].name] = layer_of_raster(seen, ties=ties)
    decisions = {}
    for port in network.outputs:
        values = result.outputs[port.name][late[port.name] : late[port.name] + steps].sum(axis=0)
        decisions[port.name] = decide(values.reshape(len(values), -1))
    return Trace(name=name, layers=layers, decisions=decisions)


def layer_of_raster(raster: IntArray, *, ties: int = 0) -> LayerTrace:
    """A layer whose spikes [time, sample, c, y, x] are at hand."""
    return LayerTrace(counts=raster.sum(axis=0, dtype=np.int64), raster=lambda: raster, ties=ties)


def clocked_trace(name: IntegerRung, result: Result) -> Trace:
    """A clocked run that recorded everything."""

    def raster(cores: tuple[CoreSpec, ...]) -> IntArray:
        return side_by_side([result.rasters[core.core] for core in cores], axis=2)

    return _integer_trace(name, result, raster)


def event_trace(name: IntegerRung, result: Result, steps: int) -> Trace:
    """An event run that recorded everything; its spikes are counted in bins of a time step, ``t // dt``."""

    def binned(cores: tuple[CoreSpec, ...]) -> IntArray:
        return side_by_side([binned_core(core) for core in cores], axis=2)

    def binned_core(core: CoreSpec) -> IntArray:
        end = steps * result.dt_us
        lists = result.spikes[core.core]
        return np.stack([e.to_raster(core.neuron_shape, dt_us=result.dt_us, duration_us=end) for e in lists], axis=1)

    return _integer_trace(name, result, binned)


def _integer_trace(name: IntegerRung, result: Result, raster: Callable[[tuple[CoreSpec, ...]], IntArray]) -> Trace:
    layers = {}
    for cores in result.spec.layers:
        record = result[cores[0].name]
        layers[cores[0].name] = LayerTrace(
            counts=record.counts,
            raster=lambda cores=cores: raster(cores),  # type: ignore[misc]  # a default binds this turn's cores
            saturated=record.stats.saturated,
            dropped=record.stats.dropped,
        )
    return Trace(name=name, layers=layers, decisions=result.decisions)


def single_repeats(result: Result) -> bool:
    """Does a clocked run keep to one spike per step and 16 bits by itself, so that holding it there changes nothing?

    Steps without an overflow or a second spike are the same under both rules (docs/semantics.md, section Clocked run),
    so by induction all of them are.
    """
    saturated = any(stats.saturated for stats in result.stats.values())
    return not saturated and all(raster.max(initial=0) <= 1 for raster in result.rasters.values())


def neuron_of(cores: tuple[CoreSpec, ...], network: Network) -> IF:
    """The neurons that the cores of a layer hold; passes change their parameters but never their names."""
    (neuron,) = (n for n in network.nodes if isinstance(n, IF) and n.name in cores[0].origin)
    shape = (sum(core.neuron_shape[0] for core in cores), *cores[0].neuron_shape[1:])
    assert neuron.output_shape == shape, f"{neuron.name} changed its shape"
    return neuron


def lateness(network: Network) -> dict[str, int]:
    """Steps by which each node answers late: the convention's delay times the spiking layers on the way, itself too."""
    late: dict[str, int] = {}
    for node in network.nodes:
        own = network.convention.delay if isinstance(node, IF) else 0
        late[node.name] = own + max((late[s.name] for s in network.sources(node.name)), default=0)
    return late


def with_time_to_answer(network: Network, raster: IntArray) -> IntArray:
    """`raster` [time, ...] followed by as many empty steps as the last layer is late."""
    after = max(lateness(network).values())
    return np.pad(raster, ((0, after), *((0, 0),) * (raster.ndim - 1)))
