"""Two specs on one recording, in time steps: spikes layer by layer, and decisions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nirdynap.comparison.graph import Part, graph_of_spec
from nirdynap.comparison.pairing import pairs_of
from nirdynap.ir.network import unused_name
from nirdynap.ir.result import Result
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import US_PER_S
from nirdynap.sim import simulate
from nirdynap.sim.protocol import Recording
from nirdynap.verify.locate import locate
from nirdynap.verify.metrics import Agreement, agreement
from nirdynap.verify.metrics import pairs_of as count_pairs
from nirdynap.verify.parting import Divergence


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What two specs did on one recording.

    Attributes:
        samples: in the recording.
        layers: those that both have in one shape, by their names in `a`; the rung is `b`, its reference `a`.
        same_decisions: samples decided alike, by Output node that both have, in the names of `a`.
        first_difference: where their spikes part; None where they do not, or where not all layers have a counterpart.
    """

    samples: int
    layers: tuple[Agreement, ...]
    same_decisions: Mapping[str, int]
    first_difference: Divergence | None

    @property
    def same(self) -> bool:
        """Did every neuron that both have emit the same spikes, and was every sample decided alike?"""
        counts = all(layer.equal == layer.neurons for layer in self.layers)
        decisions = all(same == self.samples for same in self.same_decisions.values())
        return counts and decisions and self.first_difference is None


def behaviour_of(a: Spec, b: Spec, recording: Recording, *, dt_us: int, duration_us: int | None) -> Behaviour:
    """Run both, clocked.

    Raises:
        InputError: ND5xx for a recording that one of them cannot take.
    """
    pairs = pairs_of(graph_of_spec(a), graph_of_spec(b))
    b = _under_names_of(pairs, b)
    before, after = (simulate(spec, recording, dt_us=dt_us, duration_us=duration_us) for spec in (a, b))
    names = [old.name for old, _ in pairs if old.kind == "Layer"]
    alike = [name for name in names if before[name].counts.shape == after[name].counts.shape]
    first = None
    if len(alike) == len(a.layers) == len(b.layers):
        first = locate(a, b, recording, dt_us=dt_us, duration_us=duration_us)
    outputs = [old.nodes[0] for old, _ in pairs if old.kind == "Output"]
    return Behaviour(
        samples=len(next(iter(before.decisions.values()))),
        layers=tuple(
            agreement(name, count_pairs(before[name].counts, after[name].counts), _seconds(before)) for name in alike
        ),
        same_decisions={
            name: int(np.count_nonzero(before.decisions[name] == after.decisions[name])) for name in outputs
        },
        first_difference=first,
    )


def _seconds(result: Result) -> float:
    """Length of the longest sample, at least a step."""
    return max(1, len(next(iter(result.output_rasters.values())))) * result.dt_us / US_PER_S


def _under_names_of(pairs: tuple[tuple[Part, Part], ...], b: Spec) -> Spec:
    """`b` with the names that its layers and outputs have in `a`; others stay, marked where they would be taken."""
    taken = {name for old, _ in pairs for name in (old.name, *old.nodes)}
    layers = {new.name: old for old, new in pairs if new.kind == "Layer"}
    outputs = {new.nodes[0]: old.nodes[0] for old, new in pairs if new.kind == "Output"}
    return dataclasses.replace(
        b,
        cores=tuple(_core(core, layers.get(core.name), taken) for core in b.cores),
        outputs=tuple(port._replace(name=outputs.get(port.name, unused_name(taken, port.name))) for port in b.outputs),
    )


def _core(core: CoreSpec, old: Part | None, taken: set[str]) -> CoreSpec:
    name, origin = (core.name, core.origin) if old is None else (old.name, old.nodes)
    if old is None:
        name, origin = unused_name(taken, name), tuple(unused_name(taken, node) for node in origin)
    return dataclasses.replace(core, name=name, origin=origin)
