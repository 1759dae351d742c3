"""What went in against what came out: nodes, edges, weights and their checksum, so that nothing vanishes unnoticed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nirdynap.frontend.raw import RawGraph, RawNode
from nirdynap.ir.digest import digest
from nirdynap.ir.network import Conv, Linear, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of a graph without nested graphs.

    Attributes:
        nodes, edges: how many.
        weights: how many numbers there are in weights and biases.
        checksum: SHA-256 (hex) over these numbers as float64, whatever their width in the file, and their nodes' names.
    """

    nodes: int
    edges: int
    weights: int
    checksum: str


def summary_of_graph(graph: RawGraph) -> Summary:
    """Of a graph as it was found."""
    held = {n.name: (n.fields["weight"], _bias(n)) for n in graph.nodes if "weight" in n.fields}
    return _summary(len(graph.nodes), len(graph.edges), held.items())


def summary_of_network(network: Network) -> Summary:
    """Of a network as it was read."""
    held = {n.name: (n.weights, n.bias) for n in network.nodes if isinstance(n, (Conv, Linear))}
    return _summary(len(network.nodes), len(network.edges), held.items())


def _summary(nodes: int, edges: int, held: Iterable[tuple[str, tuple[Any, Any]]]) -> Summary:
    flat = tuple((name, *(_flat(array) for array in arrays)) for name, arrays in sorted(held))
    count = sum(array.size for _, *arrays in flat for array in arrays)
    return Summary(nodes=nodes, edges=edges, weights=count, checksum=digest(flat))


def _bias(node: RawNode) -> Any:
    """One number for each output, also where one stands for all."""
    bias, weight = node.fields.get("bias"), np.atleast_1d(np.asarray(node.fields["weight"]))
    return np.full(len(weight), np.ravel(bias)[0]) if bias is not None and np.size(bias) == 1 else bias


def _flat(array: Any) -> Any:
    """All numbers in a row; none for what holds no numbers."""
    array = np.empty(0) if array is None else np.asarray(array)
    return array.astype(np.float64).ravel() if array.dtype.kind in "iufb" else np.empty(0)
