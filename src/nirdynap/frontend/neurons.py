"""Neurons: IF and LIF nodes, which are the same thing but for the leak."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nirdynap.errors import (
    BAD_PARAMETER,
    BAD_THRESHOLD,
    LOWER_BOUND_ASSUMED,
    NONZERO_RESET,
    RESET_AMBIGUOUS,
    RESET_UNUSED,
    TIME_STEP_CONTRADICTED,
    TIME_STEP_DOUBTFUL,
    TIME_STEP_TOO_LONG,
    TIME_STEP_UNKNOWN,
    CompileError,
)
from nirdynap.frontend.fields import Fields, misfit, spread
from nirdynap.ir.convention import Convention
from nirdynap.ir.digest import frozen
from nirdynap.ir.network import IF, Node
from nirdynap.ir.units import FloatArray, Shape

Maker: TypeAlias = Callable[[Shape], Node]

_NO_LEAK = 2.0**-24  # a decay per step below this is lost to float32 rounding


# What the exporters write as r of a leaky neuron, from tau and dt: it gives another time step away.
_WRITES_R: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "snntorch": lambda tau, dt: tau / dt,
    "rockpool": lambda tau, dt: tau * np.exp(-dt / tau) / dt,
    "spyx": lambda tau, dt: 1 - dt / tau,
}


@dataclass(frozen=True, slots=True)
class Dynamics:
    """What a step does to the membrane: v = decay * v + gain * input + drift; all of full shape."""

    gain: FloatArray
    decay: FloatArray
    drift: FloatArray


def parse_if(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker | None:
    """Maker of an IF node; its gain is r, or r * dt where the convention says so and r is not 1."""
    fields.only("r", "v_threshold", "v_reset")
    r = fields.numbers("r", needed=False)
    dt = fields.setting("dt", convention, given) if convention.gain == "r*dt" else None
    if r is not None and dt is not None and fields.assumed("dt", given):
        odd = r[(r != 1) & ~np.isclose(r * dt, 1, rtol=1e-4, atol=0)]
        if odd.size:
            fields.findings.append(TIME_STEP_CONTRADICTED.at(fields.place, value=f"{odd[0]:g}", **_as_said(convention)))

    def dynamics(full: Mapping[str, FloatArray]) -> Dynamics:
        r = full["r"]
        gain = r if dt is None else np.where(r == 1, 1.0, r * dt)
        return Dynamics(gain, np.ones_like(r), np.zeros_like(r))

    return integrator(fields, convention, given, {"r": np.ones(()) if r is None else r}, dynamics)


def parse_lif(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker | None:
    """Maker of an IF node for a LIF node; it has no decay where tau is infinite, or so long that no step notices.

    The gain is r * dt / tau, or as the integration says; where r and tau are infinite, exporters mean a gain of 1.
    """
    fields.only("tau", "r", "v_leak", "v_threshold", "v_reset")
    tau, r = fields.numbers("tau", infinite=True), fields.numbers("r", infinite=True)
    rest = fields.numbers("v_leak", needed=False)
    if tau is None or r is None:
        return None
    if tau.min() <= 0:
        fields.bad("tau", f"{tau.min():g}", "above 0")
        return None
    how = fields.setting("integration", convention, given)
    dt = fields.setting("dt", convention, given)
    if dt is None and bool(np.isfinite(tau).any()):
        fields.findings.append(TIME_STEP_UNKNOWN.at(fields.place, value=f"{tau.min():g}", limit=convention.name))
        return None
    step = 0.0 if dt is None else float(dt)  # all tau are infinite then
    if how.startswith("euler") and step > tau.min():
        fields.findings.append(TIME_STEP_TOO_LONG.at(fields.place, value=f"{step:g}", limit=f"{tau.min():g}"))
        return None
    place = fields.place
    law = _WRITES_R.get(convention.name)
    if law is not None and fields.assumed("dt", given) and np.isfinite(tau).all() and tau.shape == r.shape:
        odd = r[~np.isclose(r, law(tau, step), rtol=1e-3, atol=0)]
        if odd.size:
            fields.findings.append(TIME_STEP_DOUBTFUL.at(place, value=f"{odd[0]:g}", **_as_said(convention)))

    def dynamics(full: Mapping[str, FloatArray]) -> Dynamics:
        endless = np.isposinf(full["tau"])
        if not np.array_equal(np.isposinf(full["r"]), endless) or np.isneginf(full["r"]).any():
            limit = "infinite where tau is, finite elsewhere"
            raise CompileError([BAD_PARAMETER.at(place, parameter="r", value=f"{r.min():g}..{r.max():g}", limit=limit)])
        share = np.where(endless, 0.0, step / full["tau"])
        decay = np.exp(-share) if how.startswith("exp") else 1.0 - share
        taken_in = -np.expm1(-share) if how.startswith("exp") else share  # 1 - decay, without cancellation
        current = np.ones(()) if how.endswith("raw") else taken_in * np.where(endless, 0.0, full["r"])
        gain = np.where(endless, 1.0, current)
        return Dynamics(gain, np.where(share < _NO_LEAK, 1.0, decay), taken_in * full["v_leak"])

    arrays = {"tau": tau, "r": r, "v_leak": np.zeros(()) if rest is None else rest}
    return integrator(fields, convention, given, arrays, dynamics)


def integrator(
    fields: Fields,
    convention: Convention,
    given: frozenset[str],
    arrays: Mapping[str, FloatArray],
    dynamics: Callable[[Mapping[str, FloatArray]], Dynamics],
) -> Maker | None:
    """Maker of an IF node with the threshold, reset and bounds that `fields` say.

    Args:
        fields, convention, given: as for every parser.
        arrays: what `dynamics` needs, as the file has it.
        dynamics: from the same arrays of full shape.
    """
    name, place = fields.raw.name, fields.place
    threshold = fields.numbers("v_threshold")
    if threshold is None:
        return None
    if threshold.min() <= 0:
        fields.findings.append(BAD_THRESHOLD.at(place, value=float(threshold.min()), limit=0))
    reset = _reset(fields, convention, given)
    v_min = fields.setting("v_min", convention, given)
    tie = fields.setting("tie", convention, given)
    reset_time = fields.setting("reset_time", convention, given)
    scale = fields.choice("scale")
    if v_min == "-threshold" and fields.assumed("v_min", given) and (threshold != 1).any():
        value = f"{-threshold.max():g}"
        fields.findings.append(LOWER_BOUND_ASSUMED.at(place, value=value, limit=convention.name))

    def make(shape: Shape) -> Node:
        spreads = {key: (raw, spread(raw, shape)) for key, raw in {"v_threshold": threshold, **arrays}.items()}
        misfits = [misfit(place, key, raw.shape, shape) for key, (raw, full) in spreads.items() if full is None]
        if misfits:
            raise CompileError(misfits)
        full = {key: array for key, (_, array) in spreads.items() if array is not None}
        theta, way = full["v_threshold"], dynamics(full)
        bound = None if v_min == "none" else -theta if v_min == "-threshold" else np.full(shape, float(v_min))
        leaks = bool((way.decay != 1).any())
        return IF(
            name=name,
            origin=(name,),
            input_shape=shape,
            threshold=theta,
            gain=frozen(way.gain, np.float64),
            v_min=None if bound is None else frozen(bound, np.float64),
            reset=reset,
            tie=tie,
            decay=frozen(way.decay, np.float64) if leaks else None,
            drift=frozen(way.drift, np.float64) if way.drift.any() else None,
            reset_time=reset_time if leaks else "now",
            scale=scale,
        )

    return make


def _as_said(convention: Convention) -> dict[str, Any]:
    return {"limit": convention.name, "dt": f"{convention.dt:g}"}


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
