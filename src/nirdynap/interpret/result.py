"""What a float run returns: the same questions as a simulation's result, answered by node name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nirdynap.ir.network import Network
from nirdynap.ir.result import only
from nirdynap.ir.units import FloatArray, IntArray, decide


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatResult:
    """Outcome of one float run. All arrays are read-only.

    Attributes:
        network: what was run.
        outputs: per Output node, float64 [time, batch, c, y, x]: what arrives there in each step.
        counts: per IF node, int64 [batch, c, y, x], spikes summed over the run.
        membranes: per IF node, float64 [batch, c, y, x] at the end of the run.
        ties: per IF node, how many of its decisions hung on the tie rule: the membrane was exactly the threshold or,
            where a step can hold many spikes, a positive multiple of it.
        rasters: with record="all", per IF node int32 [time, batch, c, y, x]; otherwise empty.
    """

    network: Network
    outputs: Mapping[str, FloatArray]
    counts: Mapping[str, IntArray]
    membranes: Mapping[str, FloatArray]
    ties: Mapping[str, int]
    rasters: Mapping[str, IntArray]

    @property
    def raster(self) -> FloatArray | Mapping[str, FloatArray]:
        """Output values [time, batch, c, y, x]; a mapping by Output node where there are several."""
        return only(self.outputs)

    @property
    def decision(self) -> IntArray | Mapping[str, IntArray]:
        """Index of the output (C-major) with the largest sum, int64 [batch].

        The lowest of equal ones; -1 for a sample without a spike.
        """
        totals = {name: r.sum(axis=0).reshape(r.shape[1], -1) for name, r in self.outputs.items()}
        return only({name: decide(t) for name, t in totals.items()})
