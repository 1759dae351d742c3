"""Ends that an exporter left out: a graph with one root gets its Input there, one with one leaf its Output.

Only where a single answer is possible. With several roots, or a root beside an Input, an edge was lost, and only the
author of the graph knows which; `topology` refuses such graphs.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.errors import INPUT_ADDED, OUTPUT_ADDED, UNKNOWN_SHAPE, CompileError, Diagnostic, node_place
from nirdynap.frontend.raw import RawGraph, RawNode
from nirdynap.frontend.shapes import input_shape_of
from nirdynap.ir.network import unused_name
from nirdynap.ir.units import shape_text

_SAYS_ITS_SHAPE = {
    "Affine": "its weights",
    "Conv2d": "its weights and input_shape",
    "Flatten": "its input_type",
    "Linear": "its weights",
}


def with_ends(graph: RawGraph, given: tuple[int, ...] | None) -> tuple[RawGraph, list[Diagnostic]]:
    """The graph with the Input and the Output that it lacks, and a warning for each.

    Args:
        graph: without nested graphs.
        given: the caller's `input_shape=`.

    Returns:
        The graph, and ND140 and ND141 for what was added; ND117 where nothing tells the shape of the Input.
    """
    names, types = {n.name for n in graph.nodes}, {n.type for n in graph.nodes}
    edges = [e for e in graph.edges if names.issuperset(e)]
    if not edges:  # all were lost
        return graph, []
    root = _only(names.difference(b for _, b in edges))
    leaf = _only(names.difference(a for a, _ in edges))
    findings: list[Diagnostic] = []
    if "Input" not in types and root is not None:
        graph, finding = _with_input(graph, root, given)
        findings.append(finding)
    if "Output" not in types and leaf is not None:
        name = unused_name(names, "output")
        graph = _with_node(graph, RawNode(name=name, type="Output", fields={}), (leaf, name))
        findings.append(OUTPUT_ADDED.at(node_place(leaf), value=leaf))
    return graph, findings


def _with_input(graph: RawGraph, root: str, given: tuple[int, ...] | None) -> tuple[RawGraph, Diagnostic]:
    name = unused_name((n.name for n in graph.nodes), "input")
    bare = _with_node(graph, RawNode(name=name, type="Input", fields={}), (name, root))
    try:
        shape = input_shape_of(bare, name, given)
    except CompileError:
        return bare, UNKNOWN_SHAPE.at(node_place(root), value="of what comes in, where the graph has no Input,")
    (kind,) = (n.type for n in graph.nodes if n.name == root)
    source = "input_shape=" if given is not None else _SAYS_ITS_SHAPE[kind]
    added = RawNode(name=name, type="Input", fields={"shape": np.array(shape)})
    finding = INPUT_ADDED.at(node_place(root), value=root, limit=shape_text(shape), source=source)
    return _with_node(graph, added, (name, root)), finding


def _with_node(graph: RawGraph, node: RawNode, edge: tuple[str, str]) -> RawGraph:
    return dataclasses.replace(graph, nodes=(*graph.nodes, node), edges=(*graph.edges, edge))


def _only(names: set[str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None
