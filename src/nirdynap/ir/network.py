"""The float network: a frozen copy of a NIR graph in which every node knows its shapes.

Nodes are told apart by type; `Network.nodes` is in canonical topological order, which depends on structure and
parameters but not on names, so that nothing downstream can depend on them either.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Literal, TypeAlias

from nirdynap.errors import RECURRENT, CompileError, Diagnostic, node_place
from nirdynap.ir.convention import Convention, Reset, ResetTime, Tie
from nirdynap.ir.digest import Digested, digest
from nirdynap.ir.units import FloatArray, Pair, Shape, conv_output


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Node(Digested):
    """What every node has: its name, the user's nodes it stands for, and the shape (C, H, W) it takes in."""

    name: str
    origin: tuple[str, ...]
    input_shape: Shape

    @property
    def output_shape(self) -> Shape:
        """Shape (C, H, W) of what the node sends on."""
        return self.input_shape


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Input(_Node):
    """Where spikes come in."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Output(_Node):
    """Where spikes are read."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conv(_Node):
    """Cross-correlation. `weights` float64 [out, in / groups, ky, kx], `bias` float64 [out] or None."""

    weights: FloatArray
    bias: FloatArray | None
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def output_shape(self) -> Shape:
        """(out, y, x) by the convolution formula."""
        out, _, ky, kx = self.weights.shape
        return (out, *conv_output(self.input_shape[1:], (ky, kx), self.stride, self.padding, self.dilation))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear(_Node):
    """Dense layer over an input of shape (N, 1, 1). `weights` float64 [out, N], `bias` float64 [out] or None."""

    weights: FloatArray
    bias: FloatArray | None

    @property
    def output_shape(self) -> Shape:
        """(out, 1, 1)."""
        return (self.weights.shape[0], 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IF(_Node):
    """Integrate-and-fire neurons, leaky where they have a `decay`. All arrays are float64 [C, H, W].

    A time step is v = decay * v + gain * input + drift, then fire and reset, then the lower bound.

    Attributes:
        threshold, gain: as in the formula.
        v_min: lower bound, None for no bound.
        reset, tie: as in a convention.
        decay: factor of the membrane per step, None for 1: no leak.
        drift: what each step adds to the membrane, None for nothing.
        reset_time: "next" subtracts the threshold in the next step, behind its leak; "now" where there is no leak.
        scale: what the layer's folded floats are multiplied by to be the chip's integers, None to have it chosen.
    """

    threshold: FloatArray
    gain: FloatArray
    v_min: FloatArray | None
    reset: Reset
    tie: Tie
    decay: FloatArray | None = None
    drift: FloatArray | None = None
    reset_time: ResetTime = "now"
    scale: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool(_Node):
    """Pooling over windows of `size` (y, x) with equal stride; the remainder rows and columns are dropped."""

    kind: Literal["sum", "avg"]
    size: Pair

    @property
    def output_shape(self) -> Shape:
        """(C, H // size_y, W // size_x)."""
        c, h, w = self.input_shape
        return (c, h // self.size[0], w // self.size[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flatten(_Node):
    """(C, H, W) to (C * H * W, 1, 1) in the element order `order`."""

    order: Literal["chw", "hwc"]

    @property
    def output_shape(self) -> Shape:
        """(C * H * W, 1, 1)."""
        c, h, w = self.input_shape
        return (c * h * w, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale(_Node):
    """Elementwise factor, float64 of the full shape [C, H, W]."""

    factor: FloatArray


Node: TypeAlias = Input | Output | Conv | Linear | IF | Pool | Flatten | Scale


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Edge:
    """`source`'s channels arrive at `target`'s channels from `feature_shift` on; what arrives at one place adds up.

    Maps lie upon each other at (0, 0): a smaller one leaves the rest of the target's map empty, of a larger one the
    rest is cut off.
    """

    source: str
    target: str
    feature_shift: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Network(Digested):
    """A feed-forward float network, ready to be interpreted or lowered. Build it with `build_network`."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    convention: Convention
    notes: tuple[Diagnostic, ...] = ()

    def __repr__(self) -> str:
        names = ", ".join(node.name for node in self.nodes)
        return f"Network({len(self.nodes)} nodes: {names}; convention {self.convention.name!r})"

    def node(self, name: str) -> Node:
        """The node of that name; KeyError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def sources(self, name: str) -> tuple[Node, ...]:
        """Nodes with an edge into `name`, in canonical order."""
        names = {e.source for e in self.edges if e.target == name}
        return tuple(n for n in self.nodes if n.name in names)

    def targets(self, name: str) -> tuple[Node, ...]:
        """Nodes with an edge from `name`, in canonical order."""
        names = {e.target for e in self.edges if e.source == name}
        return tuple(n for n in self.nodes if n.name in names)

    def edges_into(self, name: str) -> tuple[Edge, ...]:
        """Edges that end at `name`, in canonical order of their sources."""
        return tuple(e for e in self.edges if e.target == name)

    def edges_from(self, name: str) -> tuple[Edge, ...]:
        """Edges that start at `name`, in canonical order of their targets."""
        return tuple(e for e in self.edges if e.source == name)

    @property
    def input(self) -> Input:
        """The one Input node."""
        return next(n for n in self.nodes if isinstance(n, Input))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The Output nodes in canonical order."""
        return tuple(n for n in self.nodes if isinstance(n, Output))


def unused_name(taken: Iterable[str], base: str) -> str:
    """`base`, or `base` with marks behind it if it is among the names `taken`."""
    names = set(taken)
    while base in names:
        base += "'"
    return base


def build_network(
    nodes: tuple[Node, ...], edges: tuple[Edge, ...], convention: Convention, notes: tuple[Diagnostic, ...] = ()
) -> Network:
    """A Network with nodes and edges put into canonical order.

    Raises:
        CompileError: ND115 when the edges form a cycle.
    """
    order = canonical_order(nodes, edges)
    rank = {node.name: i for i, node in enumerate(order)}
    in_order = tuple(sorted(edges, key=lambda e: (rank[e.source], rank[e.target], e.feature_shift)))
    return Network(nodes=order, edges=in_order, convention=convention, notes=notes)


def canonical_order(nodes: tuple[Node, ...], edges: tuple[Edge, ...]) -> tuple[Node, ...]:
    """Nodes in a topological order that depends on structure first, then on parameter bytes, never on names."""
    by_name = {n.name: n for n in nodes}
    into: dict[str, list[Edge]] = defaultdict(list)
    out_of: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        into[edge.target].append(edge)
        out_of[edge.source].append(edge)
    some_order = topological_order(tuple(by_name), edges)

    depth: dict[str, int] = {}
    for name in some_order:
        depth[name] = 1 + max((depth[e.source] for e in into[name]), default=-1)

    def labels(own: dict[str, str]) -> dict[str, tuple[str, str]]:
        up: dict[str, str] = {}
        down: dict[str, str] = {}
        for name in some_order:
            up[name] = digest([own[name], sorted((up[e.source], e.feature_shift) for e in into[name])])
        for name in reversed(some_order):
            down[name] = digest([own[name], sorted((down[e.target], e.feature_shift) for e in out_of[name])])
        return {name: (up[name], down[name]) for name in some_order}

    structure = labels({n.name: digest([type(n).__name__, n.input_shape, n.output_shape]) for n in nodes})
    content = labels({n.name: digest(dataclasses.replace(n, name="", origin=())) for n in nodes})

    placed: dict[str, int] = {}
    waiting = set(by_name)
    while waiting:
        keys = {
            n: (
                depth[n],
                by_name[n].input_shape,
                by_name[n].output_shape,
                structure[n],
                content[n],
                sorted((placed[e.source], e.feature_shift) for e in into[n]),
            )
            for n in waiting
            if all(e.source in placed for e in into[n])
        }
        lowest = min(keys.values())
        first = [n for n, key in keys.items() if key == lowest]
        if len(first) > 1:
            # Twins: what has been placed may tell them apart through common targets. Those that stay equal are images
            # of each other (in graphs as small as a chip's), so that their names decide nothing.
            colours = _refined({n: digest([content[n], placed.get(n)]) for n in by_name}, into, out_of)
            first.sort(key=lambda n: (colours[n], n))
        placed[first[0]] = len(placed)
        waiting.remove(first[0])
    return tuple(by_name[name] for name in placed)


def _refined(
    colours: dict[str, str], into: Mapping[str, list[Edge]], out_of: Mapping[str, list[Edge]]
) -> dict[str, str]:
    """Colours that differ where those of neighbours differ, of their neighbours, and so on (Weisfeiler-Leman)."""
    while True:
        finer = {
            name: digest(
                [
                    own,
                    sorted((colours[e.source], e.feature_shift) for e in into[name]),
                    sorted((colours[e.target], e.feature_shift) for e in out_of[name]),
                ]
            )
            for name, own in colours.items()
        }
        if len(set(finer.values())) == len(set(colours.values())):
            return finer
        colours = finer


def topological_order(names: tuple[str, ...], edges: tuple[Edge, ...]) -> tuple[str, ...]:
    """Some order in which every source comes before its targets.

    Raises:
        CompileError: ND115, naming the nodes of a cycle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(names), ()))
    for edge in sorted(edges):
        sorter.add(edge.target, edge.source)
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        cycle = list(error.args[1])  # each feeds the next, the last is the first
        start = cycle.index(min(cycle))
        ring = cycle[start:-1] + cycle[:start] + [cycle[start]] if start else cycle
        raise CompileError([RECURRENT.at(node_place(ring[0]), value=" -> ".join(ring))]) from None
