"""Layers and chips by hand, for the tests of lowering."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nirdynap.chips.chip import Chip, load_chip
from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import IntLayer, Layer
from nirdynap.ir.spec import Memory, Spec
from nirdynap.ir.units import Pair, Shape, conv_output
from nirdynap.sim import simulate


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


def build_int_layer(name: str, weights: Any, *, size: Pair = (1, 1), bias: Any = None, **changed: Any) -> IntLayer:
    """A layer of such integers on an input map of `size`; `changed` are further fields of IntLayer."""
    array = frozen(weights, np.int8)
    stride, padding = changed.get("stride", (1, 1)), changed.get("padding", (0, 0))
    neurons = (len(array), *conv_output(size, array.shape[2:], stride, padding))
    fields: dict[str, Any] = {"origin": (name,), "stride": stride, "padding": padding}
    fields |= {"threshold_high": 2, "threshold_low": -32768, "return_to_zero": False, "scale": 1.0}
    fields |= {"quantisation": None, "links": (), "readouts": (), "input_shifts": (), "neuron_shape": neurons}
    fields |= {"bias": None if bias is None else frozen(bias, np.int16)}
    return IntLayer(name=name, input_shape=(array.shape[1], *size), weights=array, **(fields | changed))


def assert_same_outputs(one: Spec, two: Spec, raster: npt.ArrayLike) -> None:
    """Both runs of both specs, with every option that changes a run."""
    for options in ({}, {"spikes_per_step": "one"}):
        a, b = (simulate(spec, raster, **options) for spec in (one, two))
        for name, counts in a.output_rasters.items():
            np.testing.assert_array_equal(b.output_rasters[name], counts)
    for order in ("depth", "breadth"):
        for emission in ("raster", "channel"):
            options = {"order": order, "emission": emission, "bias_clock_us": 700}
            a, b = (simulate(spec, raster, "event", **options) for spec in (one, two))
            for name, events in a.output_events.items():
                assert b.output_events[name] == events
