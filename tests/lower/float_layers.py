"""Layers and chips by hand, for the tests of lowering."""

from __future__ import annotations

from typing import Any

import numpy as np

from nirdynap.chips.chip import Chip, load_chip
from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import Layer
from nirdynap.ir.spec import Memory
from nirdynap.ir.units import Shape, conv_output


def build_layer(
    name: str = "conv",
    *,
    out: int = 2,
    kernel: int = 3,
    input_shape: Shape = (1, 8, 8),
    weights: Any = None,
    bias: Any = None,
    **changed: Any,
) -> Layer:
    """A layer of ones, or of `weights`; `changed` are further fields of Layer."""
    if weights is None:
        weights = np.ones((out, input_shape[0], kernel, kernel))
    array = frozen(weights, np.float64)
    stride, padding = changed.get("stride", (1, 1)), changed.get("padding", (0, 0))
    neurons = (len(array), *conv_output(input_shape[1:], array.shape[2:], stride, padding))
    fields: dict[str, Any] = {"origin": (name,), "stride": stride, "padding": padding, "threshold": 1.0, "v_min": None}
    fields |= {"reset": "subtract", "tie": "fires", "links": (), "readouts": (), "input_shifts": (0,)}
    fields |= {"neuron_shape": neurons, "bias": None if bias is None else frozen(bias, np.float64)}
    return Layer(name=name, input_shape=input_shape, weights=array, **(fields | changed))


def chip_of(*cores: tuple[int, int, int]) -> Chip:
    """A Speck 2f with other memories: (kernel, neuron, bias) words of each core."""
    speck = load_chip("speck2f")
    return Chip(
        camera=None,
        name="imaginary",
        description="",
        devices=(),
        cores=tuple(Memory(*core) for core in cores),
        parallel=(),
        limits=speck.limits,
        sources=(),
    )
