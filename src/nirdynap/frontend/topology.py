"""Is the graph whole? One Input, at least one Output, every node on a path between them, no cycle, no odd edge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from nirdynap.errors import (
    DISCONNECTED_NODE,
    DUPLICATE_EDGE,
    EDGE_TO_NOWHERE,
    EMPTY_GRAPH,
    MISSING_INPUT,
    MISSING_OUTPUT,
    OUTPUT_FEEDS,
    SEVERAL_SOURCES,
    CompileError,
    Diagnostic,
    node_place,
)
from nirdynap.frontend.raw import RawGraph
from nirdynap.ir.network import Edge, topological_order


def topology_findings(graph: RawGraph) -> Iterator[Diagnostic]:
    """Everything that is wrong with a graph without nested graphs; `edge_findings` has looked at the edges as such."""
    if not graph.nodes:
        yield EMPTY_GRAPH.at("$.nodes", value=0)
        return
    names = {n.name for n in graph.nodes}
    edges = tuple(e for e in dict.fromkeys(graph.edges) if names.issuperset(e))
    yield from _end_findings(graph, edges)
    try:
        topological_order(tuple(names), tuple(Edge(source=a, target=b) for a, b in edges))
    except CompileError as error:
        yield from error.diagnostics


def edge_findings(graph: RawGraph, place: str = "$") -> Iterator[Diagnostic]:
    """Edges of the graph at `place`, and of those nested in it, that name no node or are written more than once."""
    names = {n.name for n in graph.nodes}
    for edge, count in sorted(Counter(graph.edges).items()):
        arrow = f"{edge[0]} -> {edge[1]}"
        if not names.issuperset(edge):
            yield EDGE_TO_NOWHERE.at(f"{place}.edges", value=arrow)
        elif count > 1:
            yield DUPLICATE_EDGE.at(f"{place}.edges", value=arrow, count=count)
    for node in graph.nodes:
        if node.graph is not None:
            yield from edge_findings(node.graph, f"{place}.nodes.{node.name}")


def _end_findings(graph: RawGraph, edges: tuple[tuple[str, str], ...]) -> Iterator[Diagnostic]:
    inputs = [n.name for n in graph.nodes if n.type == "Input"]
    outputs = [n.name for n in graph.nodes if n.type == "Output"]
    fed, feeding = {b for _, b in edges}, {a for a, _ in edges}
    if len(inputs) != 1:
        roots = ", ".join(n.name for n in graph.nodes if n.name not in fed) or "none"
        yield MISSING_INPUT.at("$.nodes", value=len(inputs), limit=1, roots=roots)
    if not outputs:
        leaves = ", ".join(n.name for n in graph.nodes if n.name not in feeding) or "none"
        yield MISSING_OUTPUT.at("$.nodes", leaves=leaves)
    for name in outputs:
        sources = sorted({a for a, b in edges if b == name})
        if len(sources) > 1:
            yield SEVERAL_SOURCES.at(node_place(name), value=", ".join(sources))
        targets = sorted({b for a, b in edges if a == name})
        if targets:
            yield OUTPUT_FEEDS.at(node_place(name), value=", ".join(targets))
    below = _reached(inputs, edges)
    above = _reached(outputs, [(b, a) for a, b in edges])
    for node in graph.nodes:
        if inputs and node.name not in below:
            what = "nothing feeds it" if node.name not in fed else "no path leads to it from the Input"
            yield DISCONNECTED_NODE.at(node_place(node.name), value=what)
        elif outputs and node.name not in above:
            what = "it feeds nothing" if node.name not in feeding else "no path leads from it to an Output"
            yield DISCONNECTED_NODE.at(node_place(node.name), value=what)


def _reached(start: Iterable[str], edges: Iterable[tuple[str, str]]) -> set[str]:
    forward: dict[str, list[str]] = {}
    for a, b in edges:
        forward.setdefault(a, []).append(b)
    reached, waiting = set(start), list(start)
    while waiting:
        for name in forward.get(waiting.pop(), ()):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached
