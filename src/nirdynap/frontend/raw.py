"""A NIR graph as it was found: node types and fields by name, nothing filled in, nothing checked.

A file and an in-memory `nir.NIRGraph` both become a `RawGraph`, so that everything behind it is the same for both.
In-memory graphs are told by their attributes, which spares every reader of files the import of nir.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nirdynap.errors import NOT_A_NIR_FILE, CompileError, node_place
from nirdynap.ir.network import Network
from nirdynap.ir.spec import Spec

GRAPH = "NIRGraph"
NEURONS = ("IF", "LIF", "CubaLIF")
"""Types of nodes that fire."""

_OURS: Mapping[type, str] = {
    Network: "a Network has been read already, and what it was read from is needed",
    Spec: "a Spec has been read and lowered already, and what it was made from is needed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawNode:
    """One node: its type's name and its fields as numpy arrays or strings. `graph` is set for a nested graph."""

    name: str
    type: str
    fields: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    graph: RawGraph | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawGraph:
    """Nodes in natural order of their names, edges in the order found.

    `version` is the file's, None if it has none; `unknown` are fields of the graph itself that mean nothing to us.
    `metadata` is the graph's own.
    """

    nodes: tuple[RawNode, ...]
    edges: tuple[tuple[str, str], ...]
    version: str | None
    from_file: bool
    unknown: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts node "2" before node "10"."""
    parts = re.findall(r"0*([0-9]+)|(.)", name, re.DOTALL)
    return tuple((0, len(digits), digits) if digits else (1, 0, letter) for digits, letter in parts)


def raw_from_graph(graph: Any) -> RawGraph:
    """Copy an in-memory graph: anything with `nodes` (by name) and `edges` (pairs of names).

    Raises:
        CompileError: ND102 when `graph` is something else.
    """
    try:
        return _raw_graph(graph)
    except RecursionError:
        raise CompileError([NOT_A_NIR_FILE.at("$", value="a nested graph holds itself")]) from None


def _raw_graph(graph: Any) -> RawGraph:
    nodes, edges = getattr(graph, "nodes", None), getattr(graph, "edges", None)
    if not isinstance(nodes, Mapping) or not isinstance(edges, (list, tuple, set)):
        found = _OURS.get(type(graph), f"{type(graph).__name__} has no nodes and edges")
        raise CompileError([NOT_A_NIR_FILE.at("$", value=found)])
    try:
        pairs = tuple((str(a), str(b)) for a, b in edges)
    except (TypeError, ValueError):
        raise CompileError([NOT_A_NIR_FILE.at("$.edges", value="edges are not pairs of node names")]) from None
    raw = tuple(_raw_node(str(name), node) for name, node in nodes.items())
    for name, count in Counter(node.name for node in raw).items():
        if count > 1:
            raise CompileError([NOT_A_NIR_FILE.at(node_place(name), value=f"{count} nodes have this name")])
    return RawGraph(
        nodes=tuple(sorted(raw, key=lambda n: natural(n.name))),
        edges=pairs,
        version=None,
        from_file=False,
        metadata=_mapping(graph, "metadata"),
    )


def _raw_node(name: str, node: Any) -> RawNode:
    if node is None:
        raise CompileError(
            [NOT_A_NIR_FILE.at(node_place(name), value="the node is None: its exporter dropped a layer")]
        )
    kind = type(node).__name__
    metadata = _mapping(node, "metadata")
    if kind == GRAPH:
        return RawNode(name=name, type=kind, fields={}, metadata=metadata, graph=_raw_graph(node))
    is_record = dataclasses.is_dataclass(node)
    names = [f.name for f in dataclasses.fields(node)] if is_record else list(getattr(node, "__dict__", ()))
    hidden = {"input_type", "output_type", "metadata", "name"}
    values = {n: getattr(node, n, None) for n in names if n not in hidden}
    fields = {n: _plain(value) for n, value in values.items() if value is not None}
    # nir keeps these shapes in its types, but writes them to files as fields
    for key, source, port, kinds in (
        ("shape", "input_type", "input", ("Input",)),
        ("shape", "output_type", "output", ("Output",)),
        ("input_type", "input_type", "input", ("Flatten",)),
    ):
        declared = _mapping(node, source).get(port) if kind in kinds else None
        if declared is not None:
            fields[key] = _plain(declared)
    return RawNode(name=name, type=kind, fields=fields, metadata=metadata)


def _mapping(node: Any, name: str) -> dict[str, Any]:
    value = getattr(node, name, None)
    return dict(value) if isinstance(value, Mapping) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    try:
        if hasattr(value, "detach"):  # a torch tensor, perhaps with a gradient, on another device, or of a half type
            value = value.detach().cpu()
            value = (value.double() if value.is_floating_point() else value).numpy()
        return np.array(value)
    except (TypeError, ValueError, RuntimeError):  # ragged lists, exotic tensors: whoever wants numbers refuses it
        return np.array(None)
