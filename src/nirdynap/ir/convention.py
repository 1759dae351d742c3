"""What a NIR file leaves open: one frozen record per framework habit (docs/semantics.md, section Reading)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from nirdynap.errors import BAD_OPTION, UNKNOWN_CONVENTION, CompileError, Diagnostic

Tie = Literal["fires", "waits"]
Reset = Literal["subtract", "zero"]
SpikesPerStep = Literal["one", "many"]
Flatten = Literal["chw", "hwc"]
Integration = Literal["euler", "exp", "euler-raw", "exp-raw"]
ResetTime = Literal["now", "next"]
Leak = Literal["refuse", "drop", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How a float network is meant where NIR says nothing.

    Attributes:
        name: name of the convention, as given to ``convention=``.
        tie: does a neuron fire at ``v == threshold`` ("fires") or only above it ("waits").
        reset: "subtract", "zero", or "file": subtract where the file has no ``v_reset``, zero where it has one.
        v_min: lower bound of the membrane: "none", "-threshold", or a number.
        spikes_per_step: can a neuron emit several spikes in one time step ("many") or one ("one").
        gain: what an input current is multiplied by in an IF node: "r", or "r*dt" (r = 1 means gain 1).
        flatten: order of the elements behind a Flatten node: "chw" or "hwc".
        delay: time steps by which each spiking layer answers late (0 or 1).
        dt: length of a time step in seconds, or None where neither convention nor file says it.
        integration: how a leaky neuron integrates a step, with x = dt / tau: "euler" is v + x * (r * I - v) and
            "exp" is a * v + (1 - a) * r * I with a = exp(-x); "euler-raw" and "exp-raw" take the input I as it is.
        reset_time: when a leaky neuron subtracts its threshold: at once ("now"), or in the next step, behind that
            step's leak ("next"). Without a leak both are the same.
        leak: what lowering does with a leak, which the chip does not have: "refuse" it, "drop" it, or put a constant
            current ("linear") in its place; the last two are approximations that the caller asked for.
        drop_delay: the caller accepts that branches of unequal delay meet at other times than in the model.
    """

    name: str
    tie: Tie = "fires"
    reset: Reset | Literal["file"] = "subtract"
    v_min: float | Literal["none", "-threshold"] = "none"
    spikes_per_step: SpikesPerStep = "one"
    gain: Literal["r", "r*dt"] = "r"
    flatten: Flatten = "chw"
    delay: int = 0
    dt: float | None = None
    integration: Integration = "euler"
    reset_time: ResetTime = "now"
    leak: Leak = "refuse"
    drop_delay: bool = False


CONVENTIONS: dict[str, Convention] = {
    c.name: c
    for c in (
        Convention(name="nir", reset="file"),
        Convention(name="sinabs", v_min="-threshold", spikes_per_step="many", dt=1.0, integration="exp"),
        Convention(name="torch"),
        Convention(name="snntorch", tie="waits", dt=1e-4, reset_time="next"),
        Convention(name="norse", tie="waits", reset="zero"),
        Convention(name="spikingjelly", reset="zero", gain="r*dt", dt=1e-4),
        Convention(
            name="spyx",
            tie="waits",
            flatten="hwc",
            delay=1,
            dt=1.0,
            integration="euler-raw",
            reset_time="next",
        ),
        Convention(name="rockpool", spikes_per_step="many", dt=1e-3, integration="exp-raw"),
        Convention(name="mlx-snn", dt=1e-4, reset_time="next"),
        Convention(name="lava", tie="waits", reset="zero", delay=1, dt=1e-4),
    )
}

AUTO = "auto"
"""Asks for the convention that the file itself gives away (frontend/habits.py)."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "tie": ("fires", "waits"),
    "reset": ("subtract", "zero", "file"),
    "spikes_per_step": ("one", "many"),
    "flatten": ("chw", "hwc"),
    "integration": ("euler", "exp", "euler-raw", "exp-raw"),
    "reset_time": ("now", "next"),
}

SETTINGS = (*_CHOICES, "v_min", "dt")
"""What a caller, or a node's own metadata, can set otherwise than the convention."""

OF_A_NODE = (*SETTINGS, "scale")
"""What a node's own metadata can set; `scale` is the factor from its layer's floats to the chip's integers."""

_RUN_ONLY: dict[str, tuple[str, ...]] = {"delay": ("keep", "drop"), "leak": ("refuse", "drop", "linear")}
"""Approximations that a caller can ask for, and no file."""


def check_choice(parameter: str, value: object, place: str) -> Diagnostic | None:
    """A diagnostic if `value` is not a legal setting of the convention's field `parameter`."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    value = value if number or isinstance(value, str) else str(value)
    choices = _CHOICES | _RUN_ONLY
    if parameter == "v_min":
        legal = value in ("none", "-threshold") or (number and -float("inf") < value <= 0)  # type: ignore[operator]
        limit = '"none", "-threshold", or a number <= 0'
    elif parameter == "dt":
        legal = number and 0 < value < float("inf")  # type: ignore[operator]
        limit = "a positive number of seconds"
    elif parameter == "scale":
        legal = number and 0 < value < float("inf")  # type: ignore[operator]
        limit = "a positive number"
    else:
        legal, limit = value in choices[parameter], ", ".join(choices[parameter])
    return None if legal else BAD_OPTION.at(place, parameter=parameter, value=str(value), limit=limit)


def resolve_convention(
    convention: str | Convention,
    *,
    reset: str | None = None,
    v_min: float | str | None = None,
    tie: str | None = None,
    spikes_per_step: str | None = None,
    dt: float | None = None,
    flatten: str | None = None,
    integration: str | None = None,
    reset_time: str | None = None,
    delay: str | None = None,
    leak: str | None = None,
) -> Convention:
    """The convention of that name with the overrides that are not None.

    Raises:
        CompileError: ND125 for an unknown name, ND126 for each illegal override.
    """
    if not isinstance(convention, Convention):
        if convention not in tuple(CONVENTIONS):
            names = ", ".join((AUTO, *CONVENTIONS))
            raise CompileError([UNKNOWN_CONVENTION.at("$.convention", value=str(convention), limit=names)])
        convention = CONVENTIONS[convention]
    given = {
        "reset": reset,
        "v_min": v_min,
        "tie": tie,
        "spikes_per_step": spikes_per_step,
        "dt": dt,
        "flatten": flatten,
        "integration": integration,
        "reset_time": reset_time,
        "delay": delay,
        "leak": leak,
    }
    overrides: dict[str, object] = {k: v for k, v in given.items() if v is not None}
    findings = [d for k, v in overrides.items() if (d := check_choice(k, v, f"$.{k}"))]
    if findings:
        raise CompileError(findings)
    if overrides.pop("delay", None) == "drop":
        overrides["drop_delay"] = True
    return dataclasses.replace(convention, **overrides)  # type: ignore[arg-type]
