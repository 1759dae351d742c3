"""The first place where two adjacent rungs differ, and whether rounding alone explains it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nirdynap.errors import LOWERING_DIFFERS, ROUNDING_MOVED_SPIKE, Diagnostic, Kind, node_place
from nirdynap.interpret import interpret
from nirdynap.ir.network import Network
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray
from nirdynap.verify.rungs import Trace, lateness, neuron_of, with_time_to_answer

_ROUNDING = 1e-9  # thresholds; float64 sums of a run err by some 1e-13


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One neuron in one time step, with another number of spikes than on the rung before.

    All layers before `layer` agree in every step, and so does `layer` in every earlier step.

    Attributes:
        layer: the user's weight node.
        sample: index in the batch.
        step: time step; for event runs the bin ``t // dt_us``. None where one of the rungs knows only how often each
            neuron fired, and that is what differs.
        channel, y, x: the neuron.
        value, reference: spikes there on the rung and on the one before it.
    """

    layer: str
    sample: int
    step: int | None
    channel: int
    y: int
    x: int
    value: int
    reference: int

    def __str__(self) -> str:
        when = "over the run" if self.step is None else f"step {self.step}"
        where = f"{self.layer}, sample {self.sample}, {when}, (c, y, x) = ({self.channel}, {self.y}, {self.x})"
        return f"{where}: {self.value} spikes instead of {self.reference}"


def first_difference(reference: Trace, trace: Trace, first_sample: int) -> Difference | None:
    """Topologically first layer, then first step, then sample, channel, y, x; None if all spikes are the same.

    Args:
        reference, trace: two rungs on the same samples; layers that only one of them knows are left out.
        first_sample: index in the whole batch of the first of these samples.
    """
    if trace.repeats:
        return None
    for layer, here in trace.layers.items():
        before = reference.layers.get(layer)
        if before is None:
            continue
        in_steps = before.raster is not None and here.raster is not None
        spikes = here.raster() if in_steps and here.raster else here.counts[np.newaxis]
        others = before.raster() if in_steps and before.raster else before.counts[np.newaxis]
        unequal = others != spikes
        if unequal.any():
            at = np.unravel_index(np.argmax(unequal), unequal.shape)
            step, sample, channel, y, x = (int(i) for i in at)
            return Difference(
                layer=layer,
                sample=first_sample + sample,
                step=step if in_steps else None,
                channel=channel,
                y=y,
                x=x,
                value=int(spikes[at]),
                reference=int(others[at]),
            )
    return None


def earliest(layers: tuple[str, ...], differences: tuple[Difference | None, ...]) -> Difference | None:
    """The first of what was found on the parts of a batch, in the order of `first_difference`."""
    found = [d for d in differences if d is not None]
    return min(found, key=lambda d: (layers.index(d.layer), d.step or 0, d.sample), default=None)


def explained(
    difference: Difference, spec: Spec, before: tuple[Network, IntArray], lowered: tuple[Network, IntArray]
) -> Diagnostic:
    """Why the lowered network departs from the float network: ND701 for rounding, ND702 for anything else.

    Args:
        difference: the first one between the two.
        spec: what became of both.
        before: the network before (float or leakless), and its input counts [time, 1, c, y, x] of the sample where
            the two differ.
        lowered: the same of the lowered one.
    """
    fewer = before if difference.reference < difference.value else lowered
    distance = _distance(difference, spec, *fewer)
    if distance < _ROUNDING:
        return _finding(ROUNDING_MOVED_SPIKE, difference, distance)
    return _finding(LOWERING_DIFFERS, difference, distance)


def _distance(difference: Difference, spec: Spec, network: Network, raster: IntArray) -> float:
    """How far the membrane was from the spike that the other run has, in thresholds.

    Inputs up to this step are equal in both runs, so the membranes differ by rounding alone: unless lowering is wrong,
    that of the run with fewer spikes lies just below the level. NaN where a reset to zero has wiped it out.
    """
    assert difference.step is not None, "float runs know every step"
    neuron = neuron_of(spec.find_cores(difference.layer), network)
    at = (difference.channel, difference.y, difference.x)
    fired = min(difference.value, difference.reference)
    # A delayed layer decides before it integrates: then the membrane is read before the step, else behind it.
    decides_first = network.convention.delay > 0
    end = difference.step + lateness(network)[neuron.name] + (0 if decides_first else 1)
    result = interpret(network, with_time_to_answer(network, raster)[:end])
    level = float(result.membranes[neuron.name][0][at] / neuron.threshold[at])
    if not decides_first and fired > 0:
        level = level + fired if neuron.reset == "subtract" else float("nan")
    return abs(level - max(difference.value, difference.reference))


def _finding(kind: Kind, difference: Difference, distance: float) -> Diagnostic:
    return kind.at(
        node_place(difference.layer),
        value=difference.value,
        limit=difference.reference,
        step=difference.step,
        sample=difference.sample,
        where=(difference.channel, difference.y, difference.x),
        distance=distance,
    )
