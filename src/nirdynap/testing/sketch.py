"""A NIR graph while it is drawn, and the numbers that its nodes hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import nir
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from nirdynap.ir.units import Shape

Draw = Callable[[st.SearchStrategy[Any]], Any]
Array = npt.NDArray[Any]

UNIT = 64  # numbers are whole multiples of 1 / UNIT
_POOL = 997  # most bytes drawn for one array: Hypothesis has a limit for all of an example


@dataclass(frozen=True, slots=True)
class Tap:
    """A node that others can listen to, and the shape of what it sends."""

    name: str
    shape: Shape

    def pools(self) -> list[int]:
        """Poolings that leave a pixel; only neurons are pooled, and only once."""
        fires = self.name.startswith(("if", "block"))
        return [p for p in (1, 2, 4) if p <= min(self.shape[1:])] if fires else [1]

    def pooled(self, pooling: int) -> Shape:
        """What is left of its maps behind a pool."""
        return (self.shape[0], self.shape[1] // pooling, self.shape[2] // pooling)


Bundle = list[Tap]
"""Nodes that send maps of one shape, to be added up."""


@final
class Sketch:
    """A graph while it is drawn: an Input named "input", and what was added to it."""

    def __init__(self, shape: Shape, dtype: npt.DTypeLike) -> None:
        self.dtype = dtype
        self.nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array(shape)})}
        self.edges: list[tuple[str, str]] = []
        self.input = Tap("input", shape)

    def add(self, kind: str, node: nir.NIRNode, bundle: Bundle, shape: Shape) -> Tap:
        """The new node, which adds up `bundle` and sends maps of `shape`."""
        name = f"{kind}{sum(n.startswith(kind) for n in self.nodes)}"
        self.nodes[name] = node
        self.edges += [(source.name, name) for source in bundle]
        return Tap(name, shape)

    def output(self, tap: Tap) -> None:
        """An Output behind `tap`."""
        self.add("output", nir.Output({"output": np.array(tap.shape)}), [tap], tap.shape)

    def graph(self) -> nir.NIRGraph:
        """What was drawn."""
        return nir.NIRGraph(nodes=self.nodes, edges=self.edges, type_check=False)


def flattened(sketch: Sketch, bundle: Bundle) -> Tap:
    """A Flatten of all axes."""
    shape = bundle[0].shape
    return sketch.add("flatten", nir.Flatten({"input": np.array(shape)}, 0, -1), bundle, (math.prod(shape), 1, 1))


def draw_weights(draw: Draw, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """One of them at least a quarter, and mostly more of them positive: deep layers seldom fire otherwise."""
    whole = np.trunc(draw_bytes(draw, shape).astype(np.int8) / draw(st.sampled_from([1, 8, 40])))
    if draw(st.booleans()):
        whole = np.maximum(whole, -np.trunc(whole / 2))
    if np.abs(whole).max() < UNIT / 4:
        whole.flat[0] = UNIT
    return np.array(whole / UNIT, dtype)


def draw_bias(draw: Draw, features: int, dtype: npt.DTypeLike) -> Array:
    """One number for each feature, mostly below a quarter."""
    return np.array(np.trunc(draw_bytes(draw, (features,)).astype(np.int8) / 8) / UNIT, dtype)


def draw_bytes(draw: Draw, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """One draw of bytes instead of one for each number; large arrays repeat them."""
    size = min(math.prod(shape), _POOL)
    return np.resize(np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype=np.uint8), shape)
