"""Shapes (C, H, W), computed by us from the Input on: what files declare is compared, never trusted."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nirdynap.errors import (
    DECLARED_SHAPE,
    EMPTY_MAP,
    SHAPE_MISMATCH,
    TOO_LARGE,
    UNKNOWN_SHAPE,
    CompileError,
    Diagnostic,
    node_place,
    raise_errors,
)
from nirdynap.frontend.fields import declared_shape
from nirdynap.frontend.neurons import Maker
from nirdynap.frontend.raw import RawGraph, RawNode
from nirdynap.ir.network import Conv, Edge, Node, Pool, topological_order
from nirdynap.ir.units import MOST_ELEMENTS, Shape, shape_text


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
    declared = declared_shape(by_name[name].fields.get("shape"))
    if given is not None:
        possible = [_as_map(given)]
    elif declared is not None:
        possible = [_as_map(declared[k:]) for k in range(len(declared))]
    else:
        possible = list({(c, h, w) for c, h, w in hints if c and h and w})
        possible = possible if len(possible) == 1 else []  # consumers that disagree say nothing
    shapes = [shape for shape in possible if shape is not None]
    if not shapes:
        found = f"of {name}" if declared is None else shape_text(declared)
        raise CompileError([UNKNOWN_SHAPE.at(node_place(name), value=found)])
    return next((s for s in shapes if all(_fits(s, h) for h in hints)), shapes[0])


def _hint(node: RawNode) -> tuple[int | None, int | None, int | None]:
    """What a consumer says about its input: channels, height, width; None where it says nothing."""
    weight = np.shape(node.fields.get("weight", ()))
    if node.type in ("Linear", "Affine") and len(weight) >= 2:
        return (weight[-1], 1, 1)
    if node.type == "Conv2d" and len(weight) == 4:
        groups = node.fields.get("groups", 1)
        whole = declared_shape(groups)
        channels = weight[1] * whole[0] if whole is not None and len(whole) == 1 else None
        size = declared_shape(node.fields.get("input_shape"))
        return (channels, *(size[-2:] if size is not None and len(size) >= 2 else (None, None)))
    if node.type == "Flatten":
        whole = declared_shape(node.fields.get("input_type"))
        return (None, None, None) if whole is None or len(whole) != 3 else (whole[0], whole[1], whole[2])
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
                node = makers[name](input_shape_of(graph, name, given))
                raise_errors(_size_findings(node))
                made[name] = node
                findings += [] if given else _declared_otherwise(raw[name], node)
                continue
            shapes = {s: made[s].output_shape for s in sorted(sources)}
            if len(set(shapes.values())) > 1:
                found = "of " + ", ".join(f"{s} {shape_text(v)}" for s, v in shapes.items())
                raise CompileError(
                    [SHAPE_MISMATCH.at(node_place(name), parameter="the sum", value=found, limit="one shape")]
                )
            node = makers[name](next(iter(shapes.values())))
            raise_errors(_size_findings(node))
            made[name] = node
            findings += _declared_otherwise(raw[name], node)
        except CompileError as error:
            findings += error.diagnostics
    return tuple(made[n.name] for n in graph.nodes if n.name in made), findings


def _size_findings(node: Node) -> Iterator[Diagnostic]:
    """Is something left of the map, and can what is left be held in memory?"""
    place, window = node_place(node.name), (1, 1)
    arrays: dict[str, tuple[int, ...]] = {"output map": node.output_shape}
    if isinstance(node, Pool):
        window = node.size
    elif isinstance(node, Conv):
        out, _, ky, kx = node.weights.shape
        window = (node.dilation[0] * (ky - 1) + 1, node.dilation[1] * (kx - 1) + 1)
        arrays["kernel"] = (out, node.input_shape[0], *window)
    if min(node.output_shape) < 1:
        what = {"parameter": "a window of", "value": shape_text(window), "limit": shape_text(node.input_shape)}
        yield EMPTY_MAP.at(place, **what)
        return
    for parameter, shape in arrays.items():
        elements = math.prod(shape)
        if elements > MOST_ELEMENTS:
            yield TOO_LARGE.at(place, parameter=parameter, value=elements, limit=MOST_ELEMENTS)


def _declared_otherwise(raw: RawNode, node: Node) -> list[Diagnostic]:
    field, ours = {
        "Conv2d": ("input_shape", node.input_shape[1:]),
        "Flatten": ("input_type", node.input_shape),
        "Input": ("shape", node.input_shape),
        "Output": ("shape", node.input_shape),
    }.get(raw.type, ("", ()))
    declared = declared_shape(raw.fields.get(field)) if field else None
    if declared is None or _squeezed(declared) == _squeezed(ours):
        return []
    return [
        DECLARED_SHAPE.at(node_place(raw.name), parameter=field, value=shape_text(declared), limit=shape_text(ours))
    ]


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)
