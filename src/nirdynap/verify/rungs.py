"""The runs, each brought to the terms that all of them share."""

from __future__ import annotations

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

FloatRung = Literal["float", "leakless", "lowered"]
RungName = Literal[FloatRung, "clocked", "event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one rung did on some samples. Layers come in the order of `spec.layers`.

    Attributes:
        name: the rung.
        counts: per layer, int64 [sample, c, y, x], spikes summed over the run.
        raster: makes the spikes of a layer, given by number, in each time step: [time, sample, c, y, x].
        ties: per layer, decisions that hung on a tie which the model and the chip take differently.
        saturated, dropped: per layer, as in `CoreStats`.
        decisions: per Output node, int64 [sample]; -1 without an output spike, as in `Result`.
    """

    name: RungName
    counts: tuple[IntArray, ...]
    raster: Callable[[int], IntArray]
    ties: tuple[int, ...]
    saturated: tuple[int, ...]
    dropped: tuple[int, ...]
    decisions: Mapping[str, IntArray]


def float_trace(name: FloatRung, network: Network, spec: Spec, raster: IntArray) -> Trace:
    """A float run on counts [time, sample, c, y, x].

    Where the convention delays each spiking layer, the chip does not: every layer is read as much later as it lags.
    """
    steps = len(raster)
    late = lateness(network)
    result = interpret(network, with_time_to_answer(network, raster), record="all")
    neurons = [neuron_of(cores, network) for cores in spec.layers]
    rasters = [result.rasters[n.name][late[n.name] : late[n.name] + steps] for n in neurons]
    nothing = (0,) * len(neurons)
    approximated = {note.place for note in spec.notes if note.code == TIE_APPROXIMATED.code}
    decisions = {}
    for port in network.outputs:
        seen = result.outputs[port.name][late[port.name] : late[port.name] + steps].sum(axis=0)
        decisions[port.name] = decide(seen.reshape(len(seen), -1))
    return Trace(
        name=name,
        counts=tuple(r.sum(axis=0, dtype=np.int64) for r in rasters),
        raster=rasters.__getitem__,
        ties=tuple(result.ties[n.name] if node_place(n.name) in approximated else 0 for n in neurons),
        saturated=nothing,
        dropped=nothing,
        decisions=decisions,
    )


def clocked_trace(result: Result) -> Trace:
    """A clocked run that recorded everything."""
    layers = result.spec.layers

    def raster(index: int) -> IntArray:
        return side_by_side([result.rasters[core.core] for core in layers[index]], axis=2)

    return _integer_trace("clocked", result, raster)


def event_trace(result: Result, steps: int) -> Trace:
    """An event run that recorded everything; its spikes are counted in bins of a time step, ``t // dt``."""

    def binned(index: int) -> IntArray:
        return side_by_side([binned_core(core) for core in result.spec.layers[index]], axis=2)

    def binned_core(core: CoreSpec) -> IntArray:
        end = steps * result.dt_us
        lists = result.spikes[core.core]
        return np.stack([e.to_raster(core.neuron_shape, dt_us=result.dt_us, duration_us=end) for e in lists], axis=1)

    return _integer_trace("event", result, binned)


def _integer_trace(name: Literal["clocked", "event"], result: Result, raster: Callable[[int], IntArray]) -> Trace:
    records = [result[cores[0].name] for cores in result.spec.layers]
    return Trace(
        name=name,
        counts=tuple(record.counts for record in records),
        raster=raster,
        ties=(0,) * len(records),
        saturated=tuple(record.stats.saturated for record in records),
        dropped=tuple(record.stats.dropped for record in records),
        decisions=result.decisions,
    )


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
