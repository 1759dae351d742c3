"""Two specs on one recording, in time steps: spikes layer by layer, and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nirdynap.compare.graph import graph_of_spec
from nirdynap.compare.pairing import pairs_of
from nirdynap.ir.result import Result
from nirdynap.ir.spec import Spec
from nirdynap.sim import simulate
from nirdynap.sim.protocol import Recording
from nirdynap.verify.metrics import Agreement, agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What two specs did on one recording.

    Attributes:
        samples: in the recording.
        layers: those that both have in one shape, by their names in `a`; the rung is `b`, its reference `a`.
        same_decisions: samples decided alike, by Output node that both have, in the names of `a`.
    """

    samples: int
    layers: tuple[Agreement, ...]
    same_decisions: Mapping[str, int]

    @property
    def same(self) -> bool:
        """Did every neuron that both have emit as many spikes, and was every sample decided alike?"""
        return all(layer.equal == layer.neurons for layer in self.layers) and all(
            same == self.samples for same in self.same_decisions.values()
        )


def behaviour_of(a: Spec, b: Spec, recording: Recording, *, dt_us: int, duration_us: int | None) -> Behaviour:
    """Run both, clocked.

    Raises:
        InputError: ND5xx for a recording that one of them cannot take.
    """
    before, after = (simulate(spec, recording, dt_us=dt_us, duration_us=duration_us) for spec in (a, b))
    pairs = pairs_of(graph_of_spec(a), graph_of_spec(b))
    layers = [(old.name, old.nodes[0], new.nodes[0]) for old, new in pairs if old.kind == "Layer"]
    outputs = [(old.nodes[0], new.nodes[0]) for old, new in pairs if old.kind == "Output"]
    return Behaviour(
        samples=len(next(iter(before.decisions.values()))),
        layers=tuple(row for name, old, new in layers if (row := _layer(name, before, old, after, new)) is not None),
        same_decisions={
            old: int(np.count_nonzero(before.decisions[old] == after.decisions[new])) for old, new in outputs
        },
    )


def _layer(name: str, before: Result, old: str, after: Result, new: str) -> Agreement | None:
    counts = before[old].counts, after[new].counts
    return agreement(name, *counts) if counts[0].shape == counts[1].shape else None
