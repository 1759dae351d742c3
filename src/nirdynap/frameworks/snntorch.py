"""snnTorch: `Leaky` neurons, one step per call.

A step (snntorch 1.0, `_neurons/leaky.py`): s' = [v > theta]; v = beta * v + x - theta * s' ("subtract", applied in the
step behind the spike), or v = beta * (1 - s') * v + x ("zero"); spike = [v > theta].
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import nir
import numpy as np
import torch
from torch import nn

from nirdynap.errors import (
    CANNOT_FOLLOW,
    NO_COUNTERPART,
    UNKNOWN_MODULE,
    CompileError,
    Diagnostic,
    node_place,
    raise_errors,
)
from nirdynap.frameworks.dialect import Dialect
from nirdynap.frameworks.neuron_nodes import leaky_node
from nirdynap.frameworks.torch_trace import trace_torch
from nirdynap.frameworks.traced import Traced
from nirdynap.ir.units import IntArray

_FORM = "a model that takes one step and leaves the membranes to its neurons: spikes, _ = self.lif(self.conv(x))"


def trace(model: nn.Module, sample: IntArray) -> Traced:
    """The graph of an snnTorch model and its own spikes on the sample.

    Args:
        model: maps one time step; its neurons keep their membranes (``init_hidden=True``, or ``mem`` not passed on).
        sample: int64 [time, batch, C, H, W] or [time, batch, N].

    Raises:
        CompileError: ND8xx, all findings at once.
    """
    dialect = Dialect(
        framework="snntorch",
        version=version("snntorch"),
        convention="snntorch",
        is_neuron=_is_neuron,
        neuron=_neuron,
        prepare=_prepare,
        reset=_reset,
        calls=lambda _, steps: iter(steps),
    )
    try:
        return trace_torch(model, sample, dialect)
    except CompileError as error:
        # The form that snnTorch's tutorials teach, with the loop over time inside, is none that can be followed.
        form = {CANNOT_FOLLOW.code: _FORM}
        raise CompileError(replace(d, hint=form.get(d.code, d.hint)) for d in error.diagnostics) from error


def _is_neuron(module: nn.Module) -> bool:
    return any(cls.__module__.startswith("snntorch.") for cls in type(module).__mro__)


def _is_leaky(module: nn.Module) -> bool:
    return type(module).__name__ == "Leaky" and type(module).__module__.startswith("snntorch.")


def _prepare(model: nn.Module) -> nn.Module:
    """The model as it is, unless it cannot run step by step: then says why, where torch would only fail."""
    needed = [p.name for p in inspect.signature(model.forward).parameters.values() if p.default is p.empty]
    if len(needed) > 1:
        value = f"the model takes {', '.join(needed[1:])} beside its input"
        raise CompileError([CANNOT_FOLLOW.at("$", value=value, remedy=_FORM)])
    foreign = [(name, m) for name, m in model.named_modules() if _is_neuron(m) and not _is_leaky(m)]
    raise_errors(d for name, module in foreign for d in _findings(node_place(name), module))
    return model


def _reset(model: nn.Module) -> None:
    for module in model.modules():
        if _is_neuron(module):
            module.mem = torch.zeros(0)  # what `Leaky` itself starts from: zeros in the shape of the first input


def _neuron(name: str, module: Any, shape: tuple[int, ...]) -> nir.NIRNode:
    place = node_place(name)
    raise_errors(_findings(place, module))
    return leaky_node(
        place,
        shape,
        _numbers(module.threshold),
        np.clip(_numbers(module.beta), 0.0, 1.0),
        tie="waits",
        reset=_mechanism(module),
        reset_time="next",
        v_min="none",
        spikes_per_step="one",
    )


def _numbers(value: Any) -> Any:
    return torch.as_tensor(value).detach().double().cpu().numpy()


def _findings(place: str, module: Any) -> Iterator[Diagnostic]:
    """Every property of the neuron that NIR and our settings cannot say."""
    if not _is_leaky(module):
        value = f"{type(module).__module__}.{type(module).__qualname__}"
        why = "has a state that the chip's neurons do not have"
        yield UNKNOWN_MODULE.at(place, value=value, why=why, remedy="snntorch.Leaky")
        return

    def odd(parameter: str, value: object, limit: str) -> Diagnostic:
        return NO_COUNTERPART.at(place, parameter=parameter, value=str(value), limit=limit)

    mechanism = _mechanism(module)
    if mechanism == "none":
        yield odd("reset_mechanism", '"none"', '"subtract" and "zero"')
    if mechanism == "subtract" and not module.reset_delay:
        limit = "no neuron that misses a spike while it is above twice its threshold; reset_delay=True does not"
        yield odd("reset_delay", False, limit)
    if mechanism == "zero" and not module.reset_delay and int(module.reset_mechanism_val) != 1:
        yield odd("reset_mechanism", "changed behind the neuron's back, without delay", "the one it was built with")
    if module.inhibition:
        yield odd("inhibition", True, "neurons that fire whatever their neighbours do")
    if module.state_quant:
        yield odd("state_quant", True, "one rounding, of weights and thresholds, which nirdynap does")
    factor = _numbers(module.graded_spikes_factor)
    if (factor != 1).any():
        limit = "spikes of 1; multiply the weights behind the neuron instead"
        yield odd("graded_spikes_factor", f"{factor.max():g}", limit)
    if module.spike_grad(torch.tensor([-1.0, -1e-6, 0.0, 1e-6, 1.0])).tolist() != [0.0, 0.0, 0.0, 1.0, 1.0]:
        yield odd("spike_grad", "no step at 0", "spikes exactly where the membrane is above the threshold")


def _mechanism(module: Any) -> str:
    """The reset that the neuron was built with: `reset_mechanism` can be set later, and has no effect then."""
    names = {"_base_sub": "subtract", "_base_zero": "zero"}
    return names.get(module.state_function.__name__, "none")
