"""Networks that are hard to bring into 8 bits: outliers, large biases, thresholds far below and above the weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import nir
import numpy as np
from float_run import float_counts

from nirdynap.frontend import read
from nirdynap.ir.events import Events
from nirdynap.ir.layers import Layer
from nirdynap.ir.units import FloatArray, Shape
from nirdynap.lower.group import group
from nirdynap.passes import normalise

CLOCK_US = 1000
_SHAPE = (2, 6, 6)
_EVEN = 1000.0  # shape of the gamma distribution of rates: hardly any two differ
_LENGTHS = (1_000, 4_000, 16_000, 64_000, 256_000)  # input events, as many as make neurons fire
_SPIKES = 20  # each neuron of each layer, in the mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A network, what it is fed, and how often each neuron fires in floats.

    Attributes:
        name: of the network.
        graph: path or NIR graph; reading: with what `nirdynap.read` takes it.
        layers: its floats.
        recordings: event recordings; counts: float spikes, of each recording [layer][c, y, x].
    """

    name: str
    graph: Any
    reading: dict[str, Any]
    layers: tuple[Layer, ...]
    recordings: tuple[Events, ...]
    counts: tuple[list[Any], ...]


def float_case(name: str, graph: Any, reading: dict[str, Any], recordings: tuple[Events, ...]) -> Case:
    """A network with its float runs."""
    layers = group(normalise(read(graph, **reading)))
    counts = tuple(float_counts(layers, events, CLOCK_US) for events in recordings)
    return Case(name=name, graph=graph, reading=reading, layers=layers, recordings=recordings, counts=counts)


def generated(number: int) -> Iterator[Case]:
    """That many networks in which every layer fires, from as many seeds as that takes."""
    seed = found = 0
    while found < number:
        rng = np.random.default_rng(seed)
        name, graph, reading = _network(rng, seed)
        for length in _LENGTHS:
            try:
                case = float_case(name, graph, reading, (uneven_events(rng, _SHAPE, length),))
            except OverflowError:
                break
            if min(counts.mean() for counts in case.counts[0]) >= _SPIKES:
                yield case
                found += 1
                break
        seed += 1


def uneven_events(rng: np.random.Generator, shape: Shape, length: int) -> Events:
    """Poisson trains, all of one rate or each of its own; four spikes for each input and tick of the bias clock."""
    rates = rng.gamma(rng.choice([1.0, _EVEN]), size=shape)
    at = rng.choice(rates.size, length, p=rates.ravel() / rates.sum())
    t = np.sort(rng.integers(0, length * CLOCK_US // (4 * rates.size), length))
    c, y, x = np.unravel_index(at, shape)
    return Events(t=t, c=c, y=y, x=x)


def _network(rng: np.random.Generator, seed: int) -> tuple[str, nir.NIRGraph, dict[str, Any]]:
    depth = int(rng.integers(1, 4))
    nodes: dict[str, Any] = {"in": nir.Input({"input": np.array(_SHAPE)})}
    shape: Shape = _SHAPE
    words = [f"seed {seed}"]
    for k in range(depth):
        out, pool = int(rng.integers(3, 9)), int(rng.choice([1, 1, 2])) if shape[1] % 2 == 0 else 1
        weights, bias, threshold, told = _parameters(rng, (out, shape[0], 3, 3))
        nodes[f"conv{k}"] = nir.Conv2d(None, weights, 1, 1, 1, 1, bias)
        nodes[f"if{k}"] = nir.IF(np.ones(out), np.full(out, threshold))
        if pool > 1:
            nodes[f"pool{k}"] = nir.SumPool2d(np.full(2, pool), np.full(2, pool), np.zeros(2, dtype=int))
        shape = (out, shape[1] // pool, shape[2] // pool)
        words.append(told)
    nodes["out"] = nir.Output({"output": None})
    reading = {
        "convention": "torch",
        "reset": str(rng.choice(["subtract", "zero"], p=[0.75, 0.25])),
        "v_min": str(rng.choice(["none", "-threshold"])),
    }
    return "; ".join(words), nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False), reading


def _parameters(rng: np.random.Generator, size: tuple[int, ...]) -> tuple[FloatArray, FloatArray, float, str]:
    """Weights, bias and threshold of a layer, and in words what is hard about them."""
    weights = rng.normal(rng.uniform(0, 0.5), 1, size)
    told = []
    if rng.random() < 0.6:
        factor, number = np.exp(rng.uniform(np.log(5), np.log(100))), rng.integers(1, 4)
        weights.flat[rng.choice(weights.size, number, replace=False)] *= factor
        told.append(f"{number} outliers x{factor:.0f}")
    largest = np.abs(weights).max()
    bias = np.zeros(len(weights))
    if rng.random() < 0.4:
        factor = np.exp(rng.uniform(np.log(0.5), np.log(50)))
        bias = rng.normal(0, 0.1, len(bias))
        bias[rng.integers(len(bias))] *= 10 * factor
        told.append(f"bias x{factor:.2g}")
    ratio = np.exp(rng.uniform(np.log(0.005), np.log(100)))
    told.append(f"threshold {ratio:.3g} |w|max")
    return weights, bias, float(ratio * largest), ", ".join(told)
