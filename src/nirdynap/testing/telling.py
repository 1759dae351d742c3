"""Specs and what they were run on, in words: what a person needs to run a failing example by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nirdynap.ir.events import Events
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import IntArray, shape_text

_SHOWN = 12  # spikes of the input, and numbers of an array


def told_spec(spec: Spec) -> str:
    """A line for each core, which leaves out what is as usual."""
    layers = len(spec.cores)
    lines = [f"spec of {layers} layer{'s' * (layers != 1)}, input {shape_text(spec.input_shape)}:"]
    lines += [f"  {_told_core(core)}" for core in spec.cores]
    ports = [f"core {p.core}" + (f" channel + {p.feature_shift}" if p.feature_shift else "") for p in spec.inputs]
    lines.append(f"  input to {', '.join(ports)}; spikes per step: {spec.spikes_per_step}")
    if spec.dvs is not None:
        lines.append(f"  behind {spec.dvs}")
    if spec.slow_clock is not None:
        lines.append(f"  {spec.slow_clock}")
    return "\n".join(lines)


def _told_core(core: CoreSpec) -> str:
    targets = [f"core {d.core} (pooling {d.pooling}, channel + {d.feature_shift})" for d in core.destinations]
    facts = {
        "weights": _told_array(core.weights),
        "stride": core.stride != (1, 1) and shape_text(core.stride),
        "padding": core.padding != (0, 0) and shape_text(core.padding),
        "bias": core.bias is not None and _told_array(core.bias),
        "initial state": core.initial_state is not None and _told_array(core.initial_state),
        "threshold": f"{core.threshold_high}, lower bound {core.threshold_low}",
        "reset": "to zero" if core.return_to_zero else "by subtraction",
        "decimator": core.decimator > 1 and str(core.decimator),
        "to": ", ".join(targets),
    }
    told = "; ".join(f"{name} {fact}" for name, fact in facts.items() if fact)
    return f"core {core.core}, {shape_text(core.input_shape)} to {shape_text(core.neuron_shape)}: {told}"


def _told_array(array: IntArray) -> str:
    if array.size <= _SHOWN:
        return str(array.tolist())
    return f"{shape_text(array.shape)} from {array.min()} to {array.max()}"


def told_raster(raster: IntArray) -> str:
    """The spikes of counts [time, batch, channel, y, x]."""
    where = np.argwhere(raster)
    places = (
        f"{raster[tuple(at)]} in step {at[0]} of sample {at[1]} at (c, y, x) = {tuple(at[2:].tolist())}" for at in where
    )
    return f"input of {len(raster)} steps, {raster.shape[1]} sample(s): " + _listed(places, len(where))


def told_events(recording: Sequence[Events]) -> str:
    """The events of a batch."""
    places = (
        f"({t} us, {c}, {y}, {x}) of sample {sample}"
        for sample, e in enumerate(recording)
        for t, c, y, x in zip(e.t.tolist(), e.c.tolist(), e.y.tolist(), e.x.tolist(), strict=True)
    )
    return f"input of {len(recording)} sample(s), (t, c, y, x): " + _listed(places, sum(map(len, recording)))


def _listed(places: Iterator[str], number: int) -> str:
    if number == 0:
        return "no spikes"
    shown = [place for place, _ in zip(places, range(_SHOWN), strict=False)]
    return ", ".join(shown) + (f" and {number - _SHOWN} more" if number > _SHOWN else "")
