"""Does the graph do what the live model did? Every layer, every step, every neuron.

Each layer is given what the live model's own layers before it put out, so that a difference shows at the layer where it
arises and goes no further. What rounding explains is found by trying: currents changed by no more than rounding that
make the graph's neurons fire exactly as the model's did.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nirdynap.errors import LIVE_DIFFERS, NOTHING_PROVEN, OUTPUT_DIFFERS, CompileError, Diagnostic, node_place
from nirdynap.frameworks.traced import Traced
from nirdynap.interpret.nodes import integrate_and_fire, transform
from nirdynap.ir.convention import Convention
from nirdynap.ir.network import IF, Network, Node, Output
from nirdynap.ir.units import FloatArray, IntArray

_SLACK = 16  # rounding errors per operation that add up, at most: a sum of products is itself a few operations deep


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was compared; all of it is equal but for `rounding`.

    Attributes:
        steps, samples: size of the sample.
        layers: spiking layers.
        decisions: neurons times steps times samples.
        spikes: of the live model, all layers.
        random: decisions that were compared on random recordings besides.
        rounding: decisions that rounding moved.
        silent: names of layers that never fired, of which nothing is proven; separated by commas.
        saturated: names of layers that fired as often as they can, of which little is proven; separated by commas.
    """

    steps: int
    samples: int
    layers: int
    decisions: int
    spikes: int
    random: int
    rounding: int
    silent: str
    saturated: str


def unproven(proof: Proof) -> Iterator[Diagnostic]:
    """What the sample says little or nothing about (ND810)."""
    if not proof.layers:
        value = "there is no spiking layer, so that only the output was compared"
        yield NOTHING_PROVEN.at("$", value=value, remedy="a model with spiking neurons")
    for name in filter(None, proof.silent.split(", ")):
        value, remedy = (
            "it never fired on the sample or on random recordings: nothing was proven about it",
            "a sample with more spikes, or a longer one",
        )
        yield NOTHING_PROVEN.at(node_place(name), value=value, remedy=remedy)
    for name in filter(None, proof.saturated.split(", ")):
        value = "all of it fired in every step, of the sample and of random recordings: little was proven about it"
        yield NOTHING_PROVEN.at(node_place(name), value=value, remedy="a sample with fewer spikes")


def joined(proof: Proof, random: Proof) -> Proof:
    """What was proven on the sample, and of random recordings how much was compared and what they showed as well."""
    return dataclasses.replace(
        proof,
        rounding=proof.rounding + random.rounding,
        random=random.decisions,
        silent=_in_both(proof.silent, random.silent),
        saturated=_in_both(proof.saturated, random.saturated),
    )


def _in_both(one: str, other: str) -> str:
    names = other.split(", ")
    return ", ".join(name for name in one.split(", ") if name and name in names)


def prove(network: Network, traced: Traced, sample: IntArray, *, called: str = "sample") -> Proof:
    """That `network`, read from the graph, fires as the live model did.

    Args:
        network: what `frontend.read` made of `traced.graph`.
        traced: the live model's spikes and outputs on the sample.
        sample: int64 [time, batch, C, H, W] or [time, batch, N].
        called: what a finding calls one of them.

    Raises:
        CompileError: ND808 for the first layer, step, sample and neuron that fires otherwise; ND809 for an output.
    """
    lead = sample.shape[:2]
    values: dict[str, FloatArray] = {}
    moved = decisions = 0
    for node in network.nodes:
        if node is network.input:
            values[node.name] = sample.reshape(*lead, *node.output_shape).astype(np.float64)
            continue
        x = sum((values[e.source] for e in network.edges_into(node.name)), start=np.zeros((*lead, *node.input_shape)))
        if isinstance(node, IF):
            live = traced.spikes[node.name].reshape(*lead, *node.output_shape)
            moved += _moved_by_rounding(node, x, live, network.convention, traced.epsilon, called)
            decisions += live.size
            values[node.name] = live
        elif isinstance(node, Output):
            if node.name in traced.outputs:
                _compare_output(node, x, traced.outputs[node.name].reshape(x.shape), traced.epsilon, called)
        else:
            values[node.name] = np.stack([transform(node, step) for step in x])
    one = network.convention.spikes_per_step == "one"
    fired = {n.name: int(values[n.name].sum()) for n in network.nodes if isinstance(n, IF)}
    return Proof(
        steps=lead[0],
        samples=lead[1],
        layers=len(fired),
        decisions=decisions,
        spikes=sum(fired.values()),
        random=0,
        rounding=moved,
        silent=", ".join(name for name, count in fired.items() if not count),
        saturated=", ".join(name for name in fired if one and values[name].all()),
    )


def _moved_by_rounding(
    node: IF, current: FloatArray, live: FloatArray, how: Convention, epsilon: float, called: str
) -> int:
    """How many decisions differ by rounding alone; raises for the first that rounding does not explain."""
    drive = current * node.gain if node.drift is None else current * node.gain + node.drift
    reach = node.threshold + np.cumsum(np.abs(drive), axis=0)  # of membranes, whatever the neuron does
    explained = _SLACK * epsilon * reach
    nudged = current
    untried = np.full(current.shape, not _is_exact(node, current, float(reach.max(initial=0.0)), epsilon))
    possible = int(np.count_nonzero(untried))
    while True:
        rest = np.zeros(current.shape[1:])
        ours, _, _ = integrate_and_fire(node, nudged, rest, spikes_per_step=how.spikes_per_step, delay=how.delay)
        wrong = ours != live
        if not wrong.any():
            return possible - int(np.count_nonzero(untried))
        # The first step at which each neuron is wrong, and the step whose current it decided on.
        first = wrong & (np.cumsum(wrong, axis=0) == 1)
        cause = np.roll(first, -how.delay, axis=0)
        hopeless = first & ~np.roll(cause & untried, how.delay, axis=0)
        if hopeless.any():
            at = tuple(int(i) for i in np.unravel_index(np.argmax(hopeless), hopeless.shape))
            raise _difference(node, nudged, ours, live, at, how, float(explained[at]), called)
        way = np.roll(np.sign(live - ours) * first, -how.delay, axis=0)
        nudged = nudged + way * explained / node.gain
        untried &= ~cause


def _is_exact(node: IF, current: FloatArray, reach: float, epsilon: float) -> bool:
    """Are all numbers multiples of one power of two, so near to it that no sum of them is rounded?

    Then a tie is a tie, and a wrong tie rule cannot pass for rounding.
    """
    if node.decay is not None or node.drift is not None or (node.gain != 1).any():
        return False
    numbers = (current, node.threshold, np.zeros(1) if node.v_min is None else node.v_min)
    places = 0  # behind the binary point
    while reach * 2.0**places < 1 / epsilon:
        if all((n * 2.0**places == np.floor(n * 2.0**places)).all() for n in numbers):
            return True
        places += 1
    return False


def _difference(
    node: IF,
    current: FloatArray,
    ours: FloatArray,
    live: FloatArray,
    at: tuple[int, ...],
    how: Convention,
    rounding: float,
    called: str,
) -> CompileError:
    step, sample, *where = at
    distance = abs(_membrane(node, current, step, how)[at[1:]] - node.threshold[tuple(where)] * max(ours[at], live[at]))
    played = f"{called} {sample}"
    place = {"step": step, "played": played, "where": tuple(where), "distance": distance, "rounding": rounding}
    spikes = {"value": float(live[at]), "limit": float(ours[at])}
    return CompileError([LIVE_DIFFERS.at(node_place(node.name), **spikes, **place)])


def _membrane(node: IF, current: FloatArray, step: int, how: Convention) -> FloatArray:
    """The membranes that step number `step` decides on, [batch, c, y, x]."""
    rest = np.zeros(current.shape[1:])
    kept = node.reset_time == "next" and not how.delay  # such a neuron keeps its membrane as it fired
    until = step + 1 if kept else step
    v: FloatArray = integrate_and_fire(
        node, current[:until], rest, spikes_per_step=how.spikes_per_step, delay=how.delay
    )[1]
    if kept or how.delay:
        return v
    mute = dataclasses.replace(node, threshold=np.full_like(node.threshold, np.finfo(np.float64).max), v_min=None)
    decided: FloatArray = integrate_and_fire(mute, current[step : step + 1], v, spikes_per_step="one", delay=0)[1]
    return decided


def _compare_output(node: Node, ours: FloatArray, live: FloatArray, epsilon: float, called: str) -> None:
    allowed = 1024 * epsilon * (1 + np.abs(ours).max(initial=0.0))
    wrong: npt.NDArray[np.bool_] = ~(np.abs(ours - live) <= allowed)
    if wrong.any():
        at = tuple(int(i) for i in np.unravel_index(np.argmax(wrong), wrong.shape))
        place = {"step": at[0], "played": f"{called} {at[1]}", "where": at[2:]}
        raise CompileError(
            [OUTPUT_DIFFERS.at(node_place(node.name), value=float(live[at]), limit=float(ours[at]), **place)]
        )
