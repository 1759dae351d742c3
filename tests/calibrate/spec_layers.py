"""The cores of a spec as the layers that they were before they were placed."""

from __future__ import annotations

import dataclasses

import numpy as np

from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import IntLayer, Layer, Link
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import INT16_MIN

_ALIKE = {f.name for f in dataclasses.fields(IntLayer)} & {f.name for f in dataclasses.fields(CoreSpec)}


def int_layers(spec: Spec) -> tuple[IntLayer, ...]:
    """One for each core of a spec in which nothing is split."""
    number = {core.core: i for i, core in enumerate(spec.cores)}

    def links(core: CoreSpec) -> tuple[Link, ...]:
        return tuple(
            Link(target=number[d.core], pooling=(d.pooling, d.pooling), feature_shift=d.feature_shift)
            for d in core.destinations
        )

    return tuple(
        IntLayer(
            **{name: getattr(core, name) for name in _ALIKE},
            links=links(core),
            readouts=(),
            input_shifts=tuple(port.feature_shift for port in spec.inputs if port.core == core.core),
        )
        for core in spec.cores
    )


def in_floats(layer: IntLayer, tie: str = "fires") -> Layer:
    """The same numbers as floats; with tie "waits" and a threshold that is 1 less, which fires at the same one."""
    return Layer(
        **{
            f.name: getattr(layer, f.name)
            for f in dataclasses.fields(Layer)
            if f.name not in ("weights", "bias", "threshold", "v_min", "reset", "tie", "scale")
        },
        weights=frozen(layer.weights, np.float64),
        bias=None if layer.bias is None else frozen(layer.bias, np.float64),
        threshold=float(layer.threshold_high - (tie == "waits")),
        v_min=None if layer.threshold_low == INT16_MIN else float(layer.threshold_low),
        reset="zero" if layer.return_to_zero else "subtract",
        tie=tie,
    )
