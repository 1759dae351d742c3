"""NIR graphs by hand, and ways to look at any graph: what the tests of reading, passes and lowering share."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import nir
import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Network
from nirdynap.ir.spec import Spec
from nirdynap.passes.rewrite import replaced


def conv(out: int = 2, channels: int = 1, kernel: int = 3, **changed: Any) -> nir.Conv2d:
    """A convolution of distinct weights, multiples of 1/16; `changed` are fields of nir.Conv2d."""
    size = out * channels * kernel**2
    weight = (np.arange(size) % 17 - 5.0).reshape(out, channels, kernel, kernel) / 16
    fields: dict[str, Any] = {"input_shape": None, "weight": weight, "stride": 1, "padding": 0}
    fields |= {"dilation": 1, "groups": 1, "bias": np.zeros(len(changed.get("weight", weight)))}
    return nir.Conv2d(**(fields | changed))


def neurons(threshold: Any = 1.0, r: Any = None, **changed: Any) -> nir.IF:
    """Neurons with a threshold (and r = 1) of any form; `changed` are further fields of nir.IF."""
    theta = np.asarray(threshold, dtype=np.float64)
    return nir.IF(np.ones_like(theta) if r is None else np.asarray(r, dtype=np.float64), theta, **changed)


def sum_pool(size: int | tuple[int, int], **changed: Any) -> nir.SumPool2d:
    """A sum pool of size x size, or of (y, x)."""
    pair = np.full(2, size)
    return nir.SumPool2d(**({"kernel_size": pair, "stride": pair, "padding": np.array([0, 0])} | changed))


def avg_pool(size: int | tuple[int, int]) -> nir.AvgPool2d:
    """An average pool of size x size, or of (y, x)."""
    pair = np.full(2, size)
    return nir.AvgPool2d(pair, pair, np.array([0, 0]))


def scale(factor: Any) -> nir.Scale:
    """A Scale of any form."""
    return nir.Scale(np.asarray(factor, dtype=np.float64))


def flatten() -> nir.Flatten:
    """A Flatten of all axes but the batch's."""
    return nir.Flatten({"input": None}, 0, -1)


def source(*shape: int) -> nir.Input:
    """The Input; its shape is 1x8x8 unless given."""
    return nir.Input({"input": np.array(shape or (1, 8, 8))})


def sink() -> nir.Output:
    """An Output that declares no shape."""
    return nir.Output({"output": None})


def graph(nodes: dict[str, Any], *edges: str) -> nir.NIRGraph:
    """A graph whose edges are written as chains: "input -> conv -> if"."""
    pairs = []
    for chain in edges:
        names = [name.strip() for name in chain.split("->")]
        pairs += pairwise(names)
    return nir.NIRGraph(nodes=nodes, edges=pairs, type_check=False)


def chain(**nodes: Any) -> nir.NIRGraph:
    """A graph of nodes in a row, in the order given."""
    return graph(nodes, " -> ".join(nodes))


def relabelled(original: nir.NIRGraph, names: Sequence[str], order: Sequence[int]) -> nir.NIRGraph:
    """The same graph: new names, nodes in another order, edges too. Nested graphs alike.

    Args:
        original: the graph, left as it is.
        names: new names, at least as many as any (nested) graph has nodes.
        order: a permutation of range(n), n at least the number of edges of any (nested) graph.
    """
    renamed = dict(zip(original.nodes, names, strict=False))
    nodes = {
        renamed[name]: relabelled(node, names, order) if isinstance(node, nir.NIRGraph) else copy.deepcopy(node)
        for name, node in _shuffled(list(original.nodes.items()), order)
    }
    edges = [(renamed[a], renamed[b]) for a, b in _shuffled(list(original.edges), order)]
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


def _shuffled(items: list[Any], order: Sequence[int]) -> list[Any]:
    return [items[i] for i in order if i < len(items)]


def facts(thing: Any) -> Any:
    """Everything that a graph holds, as plain values that can be compared."""
    if isinstance(thing, nir.NIRNode):
        return (type(thing).__name__, {key: facts(value) for key, value in vars(thing).items()})
    if isinstance(thing, np.ndarray):
        return ("array", thing.dtype.str, thing.shape, thing.tobytes(), thing.flags.writeable)
    if isinstance(thing, dict):
        return [(key, facts(value)) for key, value in thing.items()]
    if isinstance(thing, (list, tuple)):
        return (type(thing).__name__, [facts(value) for value in thing])
    return thing


def large_layers(number: int) -> nir.NIRGraph:
    """A chain of layers that each take all neuron words of one of the three largest cores of a Speck."""
    nodes: dict[str, Any] = {"in": source(2, 64, 64)}
    for i in range(number):
        nodes |= {f"conv{i}": conv(16, 2 if i == 0 else 16, padding=1), f"if{i}": neurons()}
    return chain(**nodes, out=sink())


def three_branches(channels: int) -> nir.NIRGraph:
    """A layer that feeds three others, each with an output of its own."""
    nodes: dict[str, Any] = {"in": source(), "conv": conv(channels), "if": neurons()}
    for name in "abc":
        nodes |= {name: conv(channels=channels), f"if_{name}": neurons(), f"out_{name}": sink()}
    paths = (f"if -> {name} -> if_{name} -> out_{name}" for name in "abc")
    return graph(nodes, "in -> conv -> if", *paths)


def nine_cores() -> nir.NIRGraph:
    """Nine convolutions from a 2 x 128 x 128 input, which fill the neuron or kernel memory of each core of a Speck."""
    rng = np.random.default_rng(9)
    nodes: dict[str, Any] = {"in": source(2, 128, 128)}
    channels = 2
    for i, (out, pool) in enumerate([(16, 1), (16, 1), (16, 2), (32, 1), (32, 2), (64, 1), (64, 2), (16, 1), (64, 1)]):
        weight = rng.normal(0.1, 1, (out, channels, 3, 3)).astype(np.float32)
        nodes[f"conv{i}"] = conv(weight=weight, padding=1, stride=2 if i == 0 else 1)
        nodes[f"if{i}"] = neurons(np.full(out, 4.0))
        if pool > 1:
            nodes[f"pool{i}"] = sum_pool(pool)
        channels = out
    return chain(**nodes, out=sink())


def simple(out_shape: tuple[int, ...] | None = None, **changed: Any) -> nir.NIRGraph:
    """One convolution and its neurons. A graph that is to be written to a file has to declare its shapes.

    Args:
        out_shape: of the Output.
        changed: fields of the convolution.
    """
    output = sink() if out_shape is None else nir.Output({"output": np.array(out_shape)})
    return chain(**{"in": source(), "conv": conv(**changed), "if": neurons([1.0, 1.0]), "out": output})


def in_integers(network: Network, spec: Spec) -> Network:
    """The normalised float network with the numbers of a spec of whole layers in it; relays and copies aside."""
    for core in (core for core in spec.cores if core.origin):
        conv_, (neuron,) = network.node(core.name), network.targets(core.name)
        bias = None if core.bias is None else frozen(core.bias, np.float64)
        network = replaced(network, dataclasses.replace(conv_, weights=frozen(core.weights, np.float64), bias=bias))
        levels = {"threshold": core.threshold_high, "v_min": core.threshold_low}
        full = {name: frozen(np.full(neuron.input_shape, level), np.float64) for name, level in levels.items()}
        network = replaced(network, dataclasses.replace(neuron, **full, tie="fires"))
    return network
