"""Shapes (C, H, W), computed by us from the Input on: what files declare is compared, never trusted."""

from __future__ import annotations

import numpy as np

from nirdynap.errors import (
    DECLARED_SHAPE,
    EMPTY_MAP,
    SHAPE_MISMATCH,
    UNKNOWN_SHAPE,
    CompileError,
    Diagnostic,
    node_place,
)
from nirdynap.frontend.fields import declared_shape
from nirdynap.frontend.nodes import Maker
from nirdynap.frontend.raw import RawGraph, RawNode
from nirdynap.ir.network import Edge, Node, topological_order
from nirdynap.ir.units import Shape


def input_shape_of(graph: RawGraph, name: str, given: tuple[int, ...] | None) -> Shape:
    """Shape of the Input node `name`: as declared, less leading batch or time axes that its consumers contradict.

    Args:
        graph: the whole graph.
        name: the Input node.
        given: the caller's `input_shape=`, which wins over the file.

    Raises:
        CompileError: ND117 when nothing says the shape.
    """
    by_name = {n.name: n for n in graph.nodes}
    hints = [_hint(by_name[b]) for a, b in graph.edges if a == name]
    declared = given or declared_shape(by_name[name].fields.get("shape"))
    if declared is None:
        whole = [h for h in hints if None not in h]
        if not whole:
            raise CompileError([UNKNOWN_SHAPE.at(node_place(name), value=f"of {name}")])
        c, h, w = whole[0]
        return (int(c or 0), int(h or 0), int(w or 0))
    candidates = [_as_map(declared[k:]) for k in range(len(declared))]
    possible = [c for c in candidates if c is not None]
    fitting = [c for c in possible if all(_fits(c, h) for h in hints)]
    if not possible:
        raise CompileError([UNKNOWN_SHAPE.at(node_place(name), value=str(declared))])
    return (fitting or possible)[0]


def _hint(node: RawNode) -> tuple[int | None, int | None, int | None]:
    """What a consumer says about its input: channels, height, width; None where it says nothing."""
    weight = np.shape(node.fields.get("weight", ()))
    if node.type in ("Linear", "Affine") and len(weight) >= 2:
        return (weight[-1], 1, 1)
    if node.type == "Conv2d" and len(weight) == 4:
        groups = node.fields.get("groups", 1)
        channels = weight[1] * int(np.ravel(groups)[0]) if np.size(groups) == 1 else None
        size = declared_shape(node.fields.get("input_shape"))
        return (channels, *(size if size is not None and len(size) == 2 else (None, None)))
    return (None, None, None)


def _fits(shape: Shape, hint: tuple[int | None, int | None, int | None]) -> bool:
    return all(h is None or h == s for s, h in zip(shape, hint, strict=True))


def _as_map(shape: tuple[int, ...]) -> Shape | None:
    if len(shape) == 3:
        return (shape[0], shape[1], shape[2])
    return (shape[0], 1, 1) if len(shape) == 1 else None


def shaped_nodes(
    graph: RawGraph, makers: dict[str, Maker], given: tuple[int, ...] | None
) -> tuple[tuple[Node, ...], list[Diagnostic]]:
    """Every node with its shapes, and what the file declared otherwise.

    Raises:
        CompileError: ND116, ND117 or ND321, for all nodes whose inputs are known.
    """
    edges = tuple(Edge(source=a, target=b) for a, b in graph.edges)
    raw = {n.name: n for n in graph.nodes}
    made: dict[str, Node] = {}
    findings: list[Diagnostic] = []
    for name in topological_order(tuple(raw), edges):
        sources = [e.source for e in edges if e.target == name]
        if any(s not in made for s in sources):
            continue  # the finding is at the source
        try:
            if not sources:
                made[name] = makers[name](input_shape_of(graph, name, given))
                continue
            shapes = {s: made[s].output_shape for s in sorted(sources)}
            if len(set(shapes.values())) > 1:
                found = ", ".join(f"{s} {_text(v)}" for s, v in shapes.items())
                raise CompileError(
                    [SHAPE_MISMATCH.at(node_place(name), parameter="sum of", value=found, limit="one shape")]
                )
            node = makers[name](next(iter(shapes.values())))
            if min(node.output_shape) < 1:
                what = {"parameter": raw[name].type, "value": "", "limit": _text(node.input_shape)}
                raise CompileError([EMPTY_MAP.at(node_place(name), **what)])
            made[name] = node
            findings += _declared_otherwise(raw[name], node)
        except CompileError as error:
            findings += error.diagnostics
    return tuple(made[n.name] for n in graph.nodes if n.name in made), findings


def _declared_otherwise(raw: RawNode, node: Node) -> list[Diagnostic]:
    field, ours = {
        "Conv2d": ("input_shape", node.input_shape[1:]),
        "Flatten": ("input_type", node.input_shape),
        "Output": ("shape", node.input_shape),
    }.get(raw.type, ("", ()))
    declared = declared_shape(raw.fields.get(field)) if field else None
    if declared is None or _squeezed(declared) == _squeezed(ours):
        return []
    return [DECLARED_SHAPE.at(node_place(raw.name), parameter=field, value=_text(declared), limit=_text(ours))]


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
