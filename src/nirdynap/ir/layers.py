"""What a core will hold, before and after integers: one convolution, one row of neurons, pooling per destination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from nirdynap.ir.convention import Reset, Tie
from nirdynap.ir.digest import Digested
from nirdynap.ir.quantisation import Quantisation
from nirdynap.ir.units import FloatArray, IntArray, Pair, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Spikes go to layer number `target`, summed over `pooling` (y, x) windows, channels up by `feature_shift`."""

    target: int
    pooling: Pair
    feature_shift: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """Spikes are read at the Output node `name`: sums of `pooling` (y, x) windows, channels up by `feature_shift`."""

    pooling: Pair
    name: str
    feature_shift: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer(Digested):
    """One core's work in floats.

    Attributes:
        name: the user's weight node.
        origin: all of the user's nodes that became part of this layer.
        input_shape, neuron_shape: (C, H, W).
        weights: float64 [out, in, ky, kx]; bias: float64 [out] or None.
        stride, padding: (y, x).
        threshold: one number; v_min: lower bound or None; scale: from these floats to integers, None to have it chosen.
        links: destinations among the layers; readouts: Output nodes; input_shifts: feature shift of each edge
            from the network's input.
        decimator: every Nth spike passes.
        spacing: channel c is feature ``c * spacing`` on the chip, and the features between are silent.
    """

    name: str
    origin: tuple[str, ...]
    input_shape: Shape
    neuron_shape: Shape
    weights: FloatArray
    bias: FloatArray | None
    stride: Pair
    padding: Pair
    threshold: float
    v_min: float | None
    reset: Reset
    tie: Tie
    links: tuple[Link, ...]
    readouts: tuple[Readout, ...]
    input_shifts: tuple[int, ...]
    scale: float | None = None
    decimator: int = 1
    spacing: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IntLayer(Digested):
    """One core's work in the chip's integers.

    `scale` is what the floats were multiplied by, `quantisation` how the integers were chosen. Of a layer that is split
    over several cores this is the part that begins with channel `first_channel`.
    """

    name: str
    origin: tuple[str, ...]
    input_shape: Shape
    neuron_shape: Shape
    weights: IntArray
    bias: IntArray | None
    stride: Pair
    padding: Pair
    threshold_high: int
    threshold_low: int
    return_to_zero: bool
    scale: float
    quantisation: Quantisation | None
    links: tuple[Link, ...]
    readouts: tuple[Readout, ...]
    input_shifts: tuple[int, ...]
    first_channel: int = 0
    decimator: int = 1
    spacing: int = 1


AnyLayer: TypeAlias = Layer | IntLayer
