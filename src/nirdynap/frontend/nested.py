"""Nested graphs, unfolded: the nodes of `block` become `block.<name>`, its Input and Output vanish into edges.

An edge written twice in one graph is one edge. Edges that become equal by unfolding, such as one past a nested graph
and one straight through it, are two, and what they carry adds up.
"""

from __future__ import annotations

import dataclasses
from collections import Counter

from nirdynap.errors import MISSING_INPUT, MISSING_OUTPUT, NOT_A_NIR_FILE, CompileError, Diagnostic, node_place
from nirdynap.frontend.fields import unknown_settings
from nirdynap.frontend.raw import RawGraph, RawNode


def unfold(graph: RawGraph, prefix: str = "") -> RawGraph:
    """The same graph without nested graphs; `prefix` is what the names of outer graphs put in front.

    Raises:
        CompileError: ND110 or ND111 for a nested graph that has not exactly one Input and one Output, ND102 where
            the unfolded name is another node's already.
    """
    nodes: list[RawNode] = []
    edges, unknown = list(dict.fromkeys(graph.edges)), list(graph.unknown)
    findings: list[Diagnostic] = []
    for node in graph.nodes:
        if node.graph is None:
            nodes.append(node)
            continue
        inner = unfold(node.graph, f"{prefix}{node.name}.")
        entry = [n.name for n in inner.nodes if n.type == "Input"]
        exit_ = [n.name for n in inner.nodes if n.type == "Output"]
        if len(entry) != 1:
            roots = ", ".join(entry) or "none"
            findings.append(MISSING_INPUT.at(node_place(prefix + node.name), value=len(entry), limit=1, roots=roots))
        if len(exit_) != 1:
            findings.append(MISSING_OUTPUT.at(node_place(prefix + node.name), leaves=", ".join(exit_) or "none"))
        if len(entry) != 1 or len(exit_) != 1:
            continue
        nodes += [dataclasses.replace(n, name=f"{node.name}.{n.name}") for n in inner.nodes]
        edges = [
            (f"{node.name}.{exit_[0]}" if a == node.name else a, f"{node.name}.{entry[0]}" if b == node.name else b)
            for a, b in edges
        ]
        edges += [(f"{node.name}.{a}", f"{node.name}.{b}") for a, b in inner.edges]
        unknown += [f"{node.name}.{name}" for name in inner.unknown]
        unknown += [f"{node.name}.{name}" for name in unknown_settings(node.metadata, ())]
        for port in (f"{node.name}.{entry[0]}", f"{node.name}.{exit_[0]}"):
            nodes = [n for n in nodes if n.name != port]
            edges = _bypass(edges, port)
    for name, count in Counter(node.name for node in nodes).items():
        if count > 1:
            findings.append(NOT_A_NIR_FILE.at(node_place(prefix + name), value=f"{count} nodes have this name"))
    if findings:
        raise CompileError(findings)
    return dataclasses.replace(graph, nodes=tuple(nodes), edges=tuple(edges), unknown=tuple(unknown))


def _bypass(edges: list[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    sources = [a for a, b in edges if b == name]
    targets = [b for a, b in edges if a == name]
    rest = [(a, b) for a, b in edges if name not in (a, b)]
    return rest + [(a, b) for a in sources for b in targets]
