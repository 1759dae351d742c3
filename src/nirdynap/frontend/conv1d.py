"""Conv1d, on request: N samples in a row are a map of 1 x N pixels, and a kernel of k taps is one of 1 x k.

A graph with a Conv1d takes in (C, N), so its Input and whatever has two axes or more is meant that way until a Flatten
makes it flat. Everything gets its new axis here; the rest of the reader sees a Conv2d.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from nirdynap.errors import CONV1D_AS_CONV2D, Diagnostic, node_place
from nirdynap.frontend.raw import RawGraph, RawNode


def with_second_axis(graph: RawGraph) -> tuple[RawGraph, list[Diagnostic]]:
    """The same graph with a Conv2d for each Conv1d, and a note (ND142) for each; a graph without any as it is.

    Args:
        graph: without nested graphs.
    """
    layers = [n for n in graph.nodes if n.type == "Conv1d"]
    if not layers:
        return graph, []
    notes = [CONV1D_AS_CONV2D.at(node_place(n.name), value=f"1x{_taps(n)}") for n in layers]
    return dataclasses.replace(graph, nodes=tuple(map(_node, graph.nodes))), notes


def _taps(node: RawNode) -> int:
    shape = np.shape(node.fields.get("weight", 0))
    return shape[-1] if shape else 0


def _node(node: RawNode) -> RawNode:
    if node.type not in _WAYS:
        return node
    fields = {key: _WAYS[node.type].get(key, _parameter)(value) for key, value in node.fields.items()}
    return dataclasses.replace(node, type="Conv2d" if node.type == "Conv1d" else node.type, fields=fields)


def _parameter(value: Any) -> Any:
    """[..., C, N] as [..., C, 1, N]; what has fewer axes, or is no array, as it is."""
    return np.expand_dims(np.asarray(value), -2) if np.ndim(value) >= 2 else value


def _size(value: Any) -> Any:
    """The shape (..., C, N) as (..., C, 1, N)."""
    return np.insert(np.ravel(value), -1, 1) if np.size(value) >= 2 else value


def _and(first: int) -> Callable[[Any], Any]:
    """A number for the one axis as a pair, with `first` for the new one; a word such as "same" as it is."""
    return lambda value: value if isinstance(value, str) else np.array([first, *np.ravel(value)])


# How fields change, by node type; those that are not named have the axes of a parameter.
_WAYS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "Conv1d": {"stride": _and(1), "padding": _and(0), "dilation": _and(1), "input_shape": _and(1)},
    "Input": {"shape": _size},
    "IF": {},
    "LIF": {},
    "CubaLIF": {},
    "Scale": {},
}
