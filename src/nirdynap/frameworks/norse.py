"""Norse: `IAFCell`, `LIFBoxCell` and `LIFCell`, one step per call, as in a `SequentialState`.

A step (norse 1.1, `functional/iaf.py`, `lif_box.py`, `lif.py`): v = v + x, or v = v + dt / tau * (v_leak - v + x);
spike = [v > v_th]; v = v_reset where it fired, or v - v_th ("reset_subtract"). The state starts at v_reset (IAF) or
v_leak (LIF). NIR and the chip start at 0: all potentials are written as seen from there, which changes no spike.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import nir
import numpy as np
from torch import Tensor, nn

from nirdynap.errors import NO_COUNTERPART, UNKNOWN_MODULE, Diagnostic, node_place, raise_errors
from nirdynap.frameworks.dialect import Dialect
from nirdynap.frameworks.neuron_nodes import full, leaky_node
from nirdynap.frameworks.torch_nodes import numbers
from nirdynap.frameworks.torch_trace import trace_torch
from nirdynap.frameworks.traced import Traced, settings
from nirdynap.ir.units import IntArray

_STEPS = ("heaviside", "super", "triangle", "tanh", "circ", "heavi_erfc")
"""Surrogates whose forward is a step at 0."""


def trace(model: nn.Module, sample: IntArray) -> Traced:
    """The graph of a Norse model and its own spikes on the sample.

    Args:
        model: maps one time step; called without a state, so that each neuron starts from its own.
        sample: int64 [time, batch, C, H, W] or [time, batch, N].

    Raises:
        CompileError: ND8xx, all findings at once.
    """
    dialect = Dialect(
        framework="norse",
        version=version("norse"),
        convention="norse",
        is_neuron=_is_neuron,
        neuron=_neuron,
        prepare=_prepare,
        reset=_reset,
        calls=lambda _, steps: iter(steps),
        takes="one step of one sample, [1, C, H, W] or [1, N], and finds its states itself if it is given none",
    )
    return trace_torch(model, sample, dialect)


def _is_neuron(module: nn.Module) -> bool:
    """Everything of Norse but the container that only passes states on."""
    return type(module).__module__.startswith("norse.") and type(module).__name__ != "SequentialState"


def _prepare(model: nn.Module) -> nn.Module:
    """Neurons that are called without a state go on from the one that they returned last."""
    cells: list[Any] = [m for m in model.modules() if _is_neuron(m) and hasattr(m, "state_fallback")]
    for module in cells:
        module.p = type(module.p)(*(_wide(value) for value in module.p))
        module.started, module.held = module.state_fallback, None
        module.state_fallback = lambda x, own=module: own.started(x) if own.held is None else own.held
        module.register_forward_hook(lambda own, args, output: setattr(own, "held", output[1]))
    return model


def _wide(value: Any) -> Any:
    """Parameters lie in a tuple, where torch does not find them to make them float64."""
    return value.detach().double() if isinstance(value, Tensor) and value.is_floating_point() else value


def _reset(model: nn.Module) -> None:
    cells: list[Any] = [module for module in model.modules() if hasattr(module, "held")]
    for module in cells:
        module.held = None


def _neuron(name: str, module: Any, shape: tuple[int, ...]) -> nir.NIRNode:
    place, kind = node_place(name), type(module).__name__
    raise_errors(_findings(place, kind, module))
    p = module.p
    start = numbers(p.v_reset if kind == "IAFCell" else p.v_leak)
    threshold = full(numbers(p.v_th) - start, shape, place)
    own = {"tie": "waits", "reset": _reset_rule(module), "v_min": "none", "spikes_per_step": "one"}
    if kind == "IAFCell":
        return leaky_node(place, shape, threshold, **own)
    metadata = settings(**own, integration="euler", reset_time="now", dt=float(module.dt))
    tau = full(1.0 / numbers(p.tau_mem_inv), shape, place)
    return nir.LIF(tau=tau, r=np.ones(shape), v_leak=np.zeros(shape), v_threshold=threshold, metadata=metadata)


def _reset_rule(module: Any) -> str:
    rule = getattr(getattr(module.p, "reset_method", None), "__name__", "reset_value")
    return {"reset_value": "zero", "reset_subtract": "subtract"}.get(rule, rule)


def _findings(place: str, kind: str, module: Any) -> Iterator[Diagnostic]:
    """Every property of the neuron that NIR and our settings cannot say."""
    if kind not in ("IAFCell", "LIFBoxCell", "LIFCell"):
        value, remedy = f"{type(module).__module__}.{kind}", "IAFCell or LIFBoxCell in a SequentialState"
        why = "has no counterpart on the chip, or takes several steps in a call"
        yield UNKNOWN_MODULE.at(place, value=value, why=why, remedy=remedy)
        return

    def odd(parameter: str, value: object, limit: str) -> Diagnostic:
        return NO_COUNTERPART.at(place, parameter=parameter, value=str(value), limit=limit)

    p, rule = module.p, _reset_rule(module)
    if p.method not in _STEPS:
        yield odd("method", p.method, ", ".join(_STEPS))
    if rule not in ("zero", "subtract"):
        yield odd("reset_method", rule, "reset_value and reset_subtract")
    if kind == "LIFCell" and (module.dt * numbers(p.tau_syn_inv) != 1).any():
        steps = 1 / (module.dt * numbers(p.tau_syn_inv).min())
        yield odd("tau_syn_inv", f"a filter of {steps:g} time steps", "1 / dt, which is no filter; LIFBoxCell has none")
    if kind == "IAFCell":
        return
    if (numbers(p.tau_mem_inv) <= 0).any():
        yield odd("tau_mem_inv", f"{numbers(p.tau_mem_inv).min():g}", "above 0; IAFCell has no leak")
    if rule == "zero" and (numbers(p.v_reset) != numbers(p.v_leak)).any():
        yield odd("v_reset", f"{numbers(p.v_reset).ravel()[0]:g}", "v_leak, where the membrane starts and rests")
    if rule == "subtract" and (numbers(p.v_leak) != 0).any():
        yield odd("v_leak", f"{numbers(p.v_leak).ravel()[0]:g}", "0, where a threshold is subtracted")
