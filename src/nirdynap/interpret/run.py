"""Runs the float network step by step: the reference for every later rung (docs/semantics.md, section Reading)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from nirdynap.errors import BAD_RASTER, BAD_RUN_OPTION, InputError
from nirdynap.interpret.nodes import integrate_and_fire, transform
from nirdynap.interpret.result import FloatResult
from nirdynap.ir.events import whole_counts
from nirdynap.ir.network import IF, Conv, Network, Node
from nirdynap.ir.units import FloatArray, IntArray, Shape

_ELEMENTS_AT_ONCE = 1 << 22  # of the largest array of any node: 32 MiB of float64


def interpret(network: Network, raster: npt.ArrayLike, *, record: Literal["outputs", "all"] = "outputs") -> FloatResult:
    """The float run of `network` on input spike counts, under the network's own convention.

    All arithmetic is float64: exact for weights that are multiples of a not too small power of two; otherwise
    equal up to rounding, which can move a spike where a membrane comes within rounding of its threshold.

    Args:
        network: what `frontend.read` or a pass returned.
        raster: non-negative whole counts [time, channel, y, x] or [time, batch, channel, y, x].
        record: "all" keeps the spikes of every neuron in every step.

    Raises:
        InputError: ND504 for a raster of another shape or kind, ND507 for another `record`.
    """
    if record not in ("outputs", "all"):
        raise InputError([BAD_RUN_OPTION.at("$.record", parameter="record", value=str(record), limit="outputs, all")])
    counts_in = _batched(raster, network.input.input_shape)
    steps, batch = counts_in.shape[:2]
    neurons = [n for n in network.nodes if isinstance(n, IF)]
    outputs = {n.name: np.zeros((steps, batch, *n.output_shape)) for n in network.outputs}
    membranes = {n.name: np.zeros((batch, *n.output_shape)) for n in neurons}
    counts = {n.name: np.zeros((batch, *n.output_shape), dtype=np.int64) for n in neurons}
    ties = dict.fromkeys(counts, 0)
    kept = neurons if record == "all" else []
    rasters = {n.name: np.zeros((steps, batch, *n.output_shape), dtype=np.int32) for n in kept}

    stride = max(1, _ELEMENTS_AT_ONCE // max(1, batch * max(map(_elements, network.nodes))))
    for start in range(0, steps, stride):
        part = slice(start, start + stride)
        values, membranes, tied = advance(network, counts_in[part].astype(np.float64), membranes)
        for name, raster_out in outputs.items():
            raster_out[part] = values[name]
        for name, total in counts.items():
            total += values[name].sum(axis=0).astype(np.int64)
            ties[name] += tied[name]
        for name, spikes in rasters.items():
            spikes[part] = values[name]
    for array in (a for group in (outputs, counts, membranes, rasters) for a in group.values()):
        array.setflags(write=False)
    return FloatResult(network=network, outputs=outputs, counts=counts, membranes=membranes, ties=ties, rasters=rasters)


def advance(
    network: Network, raster: FloatArray, membranes: dict[str, FloatArray]
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], dict[str, int]]:
    """Some steps of every node: what each sends on [time, batch, c, y, x], new membranes, ties."""
    values: dict[str, FloatArray] = {}
    after: dict[str, FloatArray] = {}
    ties: dict[str, int] = {}
    how = network.convention
    lead = raster.shape[:2]
    for node in network.nodes:
        x = raster if node is network.input else gather(network, node, values, lead)
        if isinstance(node, IF):
            values[node.name], after[node.name], ties[node.name] = integrate_and_fire(
                node, x, membranes[node.name], spikes_per_step=how.spikes_per_step, delay=how.delay
            )
        else:
            maps = transform(node, x.reshape(-1, *node.input_shape))
            values[node.name] = maps.reshape(*lead, *node.output_shape)
    return values, after, ties


def gather(network: Network, node: Node, values: dict[str, FloatArray], lead: tuple[int, ...]) -> FloatArray:
    """The sum of what arrives at `node`, each source at its own channels; maps may be smaller or larger."""
    edges = network.edges_into(node.name)
    if len(edges) == 1 and values[edges[0].source].shape[2:] == node.input_shape:
        return values[edges[0].source]
    total = np.zeros((*lead, *node.input_shape))
    for edge in edges:
        value = values[edge.source]
        c, h, w = value.shape[2:]
        _, rows, columns = node.input_shape
        total[:, :, edge.feature_shift : edge.feature_shift + c, :h, :w] += value[:, :, :, :rows, :columns]
    return total


def _elements(node: Node) -> int:
    """Elements of the largest array that a step of one sample needs at `node`."""
    c, h, w = node.output_shape
    window = int(np.prod(node.weights.shape[1:])) * node.groups if isinstance(node, Conv) else c
    return max(window * h * w, c * h * w, int(np.prod(node.input_shape)))


def _batched(raster: npt.ArrayLike, shape: Shape) -> IntArray:
    """`raster` as int64 [time, batch, channel, y, x]."""
    counts = whole_counts(raster)
    if counts.ndim == 4:
        counts = counts[:, np.newaxis]
    if counts.ndim != 5 or counts.shape[2:] != shape:
        found = f"shape is {np.shape(raster)}, the network takes [time, batch, channel, y, x] with {shape} at the end"
        raise InputError([BAD_RASTER.at("$.raster", value=found)])
    return counts
