"""Neurons: IF nodes, and LIF nodes whose leak is zero, which are the same thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from nirdynap.errors import (
    BAD_THRESHOLD,
    LOWER_BOUND_ASSUMED,
    NONZERO_RESET,
    RESET_AMBIGUOUS,
    RESET_UNUSED,
    UNSUPPORTED_NODE,
    CompileError,
)
from nirdynap.frontend.fields import Fields, misfit, spread
from nirdynap.ir.convention import Convention
from nirdynap.ir.digest import frozen
from nirdynap.ir.network import IF, Node
from nirdynap.ir.units import FloatArray, Shape

Maker: TypeAlias = Callable[[Shape], Node]

NEURONS = ("IF", "LIF")
_NO_LEAK = 2.0**-24  # a decay per step below this is lost to float32 rounding


def parse_if(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker | None:
    """Maker of an IF node; its gain is r, or r * dt where the convention says so and r is not 1."""
    fields.only("r", "v_threshold", "v_reset")
    r = fields.numbers("r", needed=False)
    r = np.ones(()) if r is None else r
    dt = fields.setting("dt", convention, given)
    gain = np.where(r == 1, 1.0, r * dt) if convention.gain == "r*dt" and dt is not None else r
    return _integrator(fields, convention, given, gain)


def parse_lif(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker | None:
    """Maker of an IF node for a LIF node that does not leak: infinite tau, or one that no step notices.

    Its gain is r * dt / tau; where both r and tau are infinite, exporters mean a gain of 1.
    """
    fields.only("tau", "r", "v_leak", "v_threshold", "v_reset")
    tau, r = fields.numbers("tau", infinite=True), fields.numbers("r", infinite=True)
    v_leak = fields.numbers("v_leak", needed=False)
    if tau is None or r is None:
        return None
    dt = fields.setting("dt", convention, given)
    decay = np.where(np.isinf(tau), 0.0, np.inf if dt is None else dt / tau)
    if (decay >= _NO_LEAK).any() or (decay < 0).any():
        why = f"leaks (smallest tau is {tau.min():g}), and the chip's neurons do not"
        remedy = "training without leak: an IF node, or tau = r = inf"
        fields.findings.append(UNSUPPORTED_NODE.at(fields.place, value="LIF", why=why, remedy=remedy))
        return None
    if v_leak is not None and v_leak.any():
        fields.bad("v_leak", f"{v_leak.ravel()[np.argmax(np.abs(v_leak))]:g}", "0")
    if not np.array_equal(np.isinf(r), np.isinf(tau)):
        fields.bad("r", f"{r.min():g}..{r.max():g}", "infinite where tau is, finite elsewhere")
        return None
    with np.errstate(invalid="ignore"):
        gain = np.where(np.isinf(tau), 1.0, r * (dt or 0.0) / tau)
    return _integrator(fields, convention, given, gain)


def _integrator(fields: Fields, convention: Convention, given: frozenset[str], gain: FloatArray) -> Maker | None:
    name, place = fields.raw.name, fields.place
    threshold = fields.numbers("v_threshold")
    if threshold is None:
        return None
    if threshold.min() <= 0:
        fields.findings.append(BAD_THRESHOLD.at(place, value=float(threshold.min()), limit=0))
    reset = _reset(fields, convention, given)
    v_min = fields.setting("v_min", convention, given)
    tie = fields.setting("tie", convention, given)
    if v_min == "-threshold" and fields.assumed("v_min", given) and (threshold != 1).any():
        value = f"{-threshold.max():g}"
        fields.findings.append(LOWER_BOUND_ASSUMED.at(place, value=value, limit=convention.name))

    def make(shape: Shape) -> Node:
        theta, factor = spread(threshold, shape), spread(gain, shape)
        if theta is None or factor is None:
            pairs = (("v_threshold", threshold, theta), ("r", gain, factor))
            raise CompileError([misfit(place, key, raw.shape, shape) for key, raw, full in pairs if full is None])
        bound = None if v_min == "none" else -theta if v_min == "-threshold" else np.full(shape, float(v_min))
        return IF(
            name=name,
            origin=(name,),
            input_shape=shape,
            threshold=theta,
            gain=factor,
            v_min=None if bound is None else frozen(bound, np.float64),
            reset=reset,
            tie=tie,
        )

    return make


def _reset(fields: Fields, convention: Convention, given: frozenset[str]) -> Any:
    """How the node resets; the file's `v_reset` settles it only where the convention says so."""
    v_reset = fields.numbers("v_reset", needed=False)
    reset = fields.setting("reset", convention, given)
    written = "v_reset" in fields.raw.fields
    if reset == "file" and written:
        others = "sinabs, snnTorch, Rockpool, Spyx, mlx-snn and plain nirtorch"
        fields.findings.append(RESET_AMBIGUOUS.at(fields.place, value=convention.name, limit=others))
    if reset == "file":
        reset = "zero" if written else "subtract"
    if v_reset is not None and v_reset.any():
        kind = NONZERO_RESET if reset == "zero" else RESET_UNUSED
        worst = float(v_reset.ravel()[np.argmax(np.abs(v_reset))])
        fields.findings.append(kind.at(fields.place, value=worst, limit=0))
    return reset
