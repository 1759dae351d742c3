"""CubaLIF nodes without filter and leak, which is how lava-dl writes integrate-and-fire neurons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nirdynap.errors import TIME_STEP_UNKNOWN, UNSUPPORTED_NODE
from nirdynap.frontend.fields import Fields
from nirdynap.frontend.neurons import Dynamics, Maker, integrator
from nirdynap.ir.convention import Convention
from nirdynap.ir.units import FloatArray

_SAME = 2.0**-20  # of tau_syn and dt: files hold float32


def parse_cuba(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker | None:
    """Maker of an IF node for a CubaLIF node with tau_mem = r = inf and tau_syn = dt; any other is refused.

    A synapse that decays by dt / tau_syn = 1 of itself in an Euler step holds w_in times the input of that step and no
    more; a membrane with an infinite tau adds it up. So the gain is w_in.
    """
    fields.only("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in")
    tau_syn, tau_mem = fields.numbers("tau_syn", infinite=True), fields.numbers("tau_mem", infinite=True)
    r, w_in = fields.numbers("r", infinite=True), fields.numbers("w_in", needed=False)
    if tau_syn is None or tau_mem is None or r is None:
        return None
    leaks = not (np.isposinf(tau_mem).all() and np.isposinf(r).all())
    dt = fields.setting("dt", convention, given)
    if not leaks and dt is None:
        fields.findings.append(TIME_STEP_UNKNOWN.at(fields.place, value=f"{tau_syn.min():g}", limit=convention.name))
        return None
    euler = fields.setting("integration", convention, given) == "euler"
    filters = dt is not None and not (euler and np.allclose(tau_syn, dt, rtol=_SAME, atol=0.0))
    if leaks or filters:
        both = " and ".join(["a synaptic filter"] * filters + ["a leak"] * leaks)
        why = f"has {both}, and the chip's neurons have none"
        remedy = "an IF node; a CubaLIF is one if tau_mem = r = inf and tau_syn = dt"
        fields.findings.append(UNSUPPORTED_NODE.at(fields.place, value="CubaLIF", why=why, remedy=remedy))
        return None

    def dynamics(full: Mapping[str, FloatArray]) -> Dynamics:
        gain = full["w_in"]
        return Dynamics(gain, np.ones_like(gain), np.zeros_like(gain))

    return integrator(fields, convention, given, {"w_in": np.ones(()) if w_in is None else w_in}, dynamics)
