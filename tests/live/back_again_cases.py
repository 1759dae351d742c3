"""Specs that go back to NIR and into other frameworks, and which of them can say what a spec says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nirdynap
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, OutputPort, Spec
from nirdynap.ir.units import INT16_MIN, IntArray
from nirdynap.shipped import shipped
from nirdynap.testing.build import build_core, build_spec

STEPS, BATCH = 25, 3

# What a framework needs besides its own importer.
IMPORTED = "imported"
TOLD = "imported, and neurons set as their metadata say"
IN_MEMORY = TOLD + ", without a file: nir 1.0.4, which sinabs asks for, reads none that holds v_reset"

_ZERO_ONLY = "its importer knows no reset but the one to v_reset"
_ONE_ONLY = "its neurons fire once in a step"
_ORDER = (
    "nirtorch 2.0.2, which it asks for, runs a node where branches meet before all of its sources, and without the rest"
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A spec, and per framework `IMPORTED`, `TOLD`, `IN_MEMORY`, or why the framework cannot run it."""

    name: str
    spec: Spec
    frameworks: Mapping[str, str] = field(default_factory=dict)

    def raster(self) -> IntArray:
        """Input counts int64 [time, batch, channel, y, x]: the same ones each time."""
        rng = np.random.default_rng(len(self.name))
        return rng.integers(0, 3, (STEPS, BATCH, *self.spec.input_shape))


def cases() -> tuple[Case, ...]:
    """Every case, in the order of the results."""
    return (
        Case(
            name="digits",
            spec=nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"), convention="sinabs"),
            frameworks={"sinabs": IMPORTED, "spikingjelly": _ZERO_ONLY},
        ),
        Case(
            name="subtract, many spikes, bound at minus the threshold",
            spec=chain(spikes_per_step="many", bounded=True),
            frameworks={"sinabs": IMPORTED, "spikingjelly": _ZERO_ONLY},
        ),
        Case(
            name="subtract, one spike, no bound",
            spec=chain(spikes_per_step="one"),
            frameworks={"sinabs": TOLD, "spikingjelly": _ZERO_ONLY},
        ),
        Case(
            name="zero, many spikes, bound at minus the threshold",
            spec=chain(spikes_per_step="many", bounded=True, return_to_zero=True),
            frameworks={"sinabs": IN_MEMORY, "spikingjelly": _ONE_ONLY},
        ),
        Case(
            name="zero, one spike, no bound",
            spec=chain(spikes_per_step="one", return_to_zero=True),
            frameworks={"sinabs": IN_MEMORY, "spikingjelly": IMPORTED},
        ),
        Case(
            name="branches that meet, added",
            spec=branches(side_by_side=False),
            frameworks={"sinabs": _ORDER, "spikingjelly": IMPORTED},
        ),
        Case(
            name="branches that meet, side by side",
            spec=branches(side_by_side=True),
            frameworks={"sinabs": _ORDER, "spikingjelly": IMPORTED},
        ),
    )


def core(index: int, out: int, shape: tuple[int, int, int], kernel: int, threshold: int, **changed: Any) -> CoreSpec:
    """A core of random weights that are rather positive, and a bias."""
    rng = np.random.default_rng(index)
    weights = rng.integers(-40, 70, (out, shape[0], kernel, kernel))
    bias = rng.integers(-5, 6, out)
    return build_core(index, weights, shape, bias=bias, threshold_high=threshold, **changed)


def chain(*, spikes_per_step: Any, bounded: bool = False, return_to_zero: bool = False) -> Spec:
    """Strides, paddings, a pool that leaves a remainder, a kernel as large as its map."""

    def options(threshold: int) -> dict[str, Any]:
        low = -threshold if bounded else INT16_MIN
        return {"threshold": threshold, "threshold_low": low, "return_to_zero": return_to_zero}

    return build_spec(
        core(0, 4, (2, 11, 9), 3, padding=(1, 1), destinations=[Destination(core=1, pooling=2)], **options(300)),
        core(1, 6, (4, 5, 4), 3, stride=(2, 1), destinations=[Destination(core=2, pooling=1)], **options(900)),
        core(2, 5, (6, 2, 2), 2, **options(400)),
        spikes_per_step=spikes_per_step,
    )


def branches(*, side_by_side: bool) -> Spec:
    """One layer feeds two, which meet in front of a fourth."""
    options = {"return_to_zero": True, "padding": (1, 1)}
    slots = [Destination(core=1, pooling=2), Destination(core=2, pooling=2)]
    last = (6 if side_by_side else 3, 4, 4)
    cores = (
        core(0, 3, (2, 8, 8), 3, 300, destinations=slots, **options),
        core(1, 3, (3, 4, 4), 3, 400, destinations=[Destination(core=3, pooling=1)], **options),
        core(
            2, 3, (3, 4, 4), 3, 500, destinations=[Destination(core=3, pooling=1, feature_shift=last[0] - 3)], **options
        ),
        core(3, 5, last, 4, 900, return_to_zero=True),
    )
    return build_spec(*cores, inputs=[InputPort(0, 0)], outputs=[OutputPort(3, 1, "out")], spikes_per_step="one")
