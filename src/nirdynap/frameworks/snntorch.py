"""snnTorch: `Leaky` and `Lapicque` neurons, one step per call.

A step (snntorch 1.0, `_neurons/leaky.py`): s' = [v > theta]; v = beta * v + x - theta * s' ("subtract", applied in the
step behind the spike), or v = beta * (1 - s') * v + x ("zero"); spike = [v > theta]. `Lapicque`
(`_neurons/lapicque.py`): v = v + dt / (R C) * (R x - v) - theta * s'.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import nir
import numpy as np
import torch
from torch import nn

from nirdynap.errors import NO_COUNTERPART, UNKNOWN_MODULE, Diagnostic, node_place, raise_errors
from nirdynap.frameworks.dialect import Dialect
from nirdynap.frameworks.neuron_nodes import full, leaky_node
from nirdynap.frameworks.torch_nodes import numbers
from nirdynap.frameworks.torch_trace import trace_torch
from nirdynap.frameworks.traced import Traced, settings
from nirdynap.ir.units import IntArray

_NEURONS = ("Leaky", "Lapicque")


def trace(model: nn.Module, sample: IntArray) -> Traced:
    """The graph of an snnTorch model and its own spikes on the sample.

    Args:
        model: maps one time step, and its neurons keep their membranes (``init_hidden=True``, or ``mem`` not passed
            on); or loops over a whole recording [time, batch, ...].
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
        takes="one step of one sample, [1, C, H, W] or [1, N]",
    )
    return trace_torch(model, sample, dialect)


def _is_neuron(module: nn.Module) -> bool:
    return any(cls.__module__.startswith("snntorch.") for cls in type(module).__mro__)


def _is_leaky(module: nn.Module) -> bool:
    return type(module).__name__ in _NEURONS and type(module).__module__.startswith("snntorch.")


def _prepare(model: nn.Module) -> nn.Module:
    """The model as it is, unless it holds neurons of which nothing is known: those may not even run step by step."""
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
    own = {
        "tie": "waits",
        "reset": _mechanism(module),
        "reset_time": "next",
        "v_min": "none",
        "spikes_per_step": "one",
    }
    threshold = numbers(module.threshold)
    if type(module).__name__ == "Leaky":
        return leaky_node(place, shape, threshold, np.clip(numbers(module.beta), 0.0, 1.0), **own)
    r, c = full(numbers(module.R), shape, place), full(numbers(module.C), shape, place)
    way = settings(**own, integration="euler", dt=float(module.time_step))
    return nir.LIF(tau=r * c, r=r, v_leak=np.zeros(shape), v_threshold=full(threshold, shape, place), metadata=way)


def _findings(place: str, module: Any) -> Iterator[Diagnostic]:
    """Every property of the neuron that NIR and our settings cannot say."""
    if not _is_leaky(module):
        value = f"{type(module).__module__}.{type(module).__qualname__}"
        why = "has a state beside its membrane, or a recurrence, and the chip's neurons have neither"
        yield UNKNOWN_MODULE.at(place, value=value, why=why, remedy="snntorch.Leaky")
        return

    def odd(parameter: str, value: object, limit: str) -> Diagnostic:
        return NO_COUNTERPART.at(place, parameter=parameter, value=str(value), limit=limit)

    mechanism = _mechanism(module)
    delayed = getattr(module, "reset_delay", True)
    if type(module).__name__ == "Lapicque":
        share = (numbers(module.time_step) / (numbers(module.R) * numbers(module.C))).max()
        if share > 1:
            yield odd("time_step / (R * C)", f"{share:g}", "at most 1: a membrane that decays and does not swing")
        if mechanism == "zero":
            limit = '"subtract"; a Lapicque that goes to zero loses the input of that step as well, a Leaky does not'
            yield odd("reset_mechanism", '"zero"', limit)
    if mechanism == "none":
        yield odd("reset_mechanism", '"none"', '"subtract" or "zero"')
    if mechanism == "subtract" and not delayed:
        limit = "True; without delay, a neuron above twice its threshold misses a spike"
        yield odd("reset_delay", False, limit)
    if mechanism == "zero" and not delayed and int(module.reset_mechanism_val) != 1:
        yield odd("reset_mechanism", "changed behind the neuron's back, without delay", "the one it was built with")
    if module.inhibition:
        yield odd("inhibition", True, "False; the chip's neurons do not see their neighbours")
    if module.state_quant:
        yield odd("state_quant", True, "False; weights and thresholds are rounded by nirdynap")
    factor = numbers(module.graded_spikes_factor)
    if (factor != 1).any():
        limit = "1; the weights behind the neuron take the factor"
        yield odd("graded_spikes_factor", f"{factor.max():g}", limit)
    if module.spike_grad(torch.tensor([-1.0, -1e-6, 0.0, 1e-6, 1.0])).tolist() != [0.0, 0.0, 0.0, 1.0, 1.0]:
        yield odd("spike_grad", "no step at 0", "spikes exactly where the membrane is above the threshold")


def _mechanism(module: Any) -> str:
    """The reset that the neuron was built with: `reset_mechanism` can be set later, and has no effect then."""
    names = {"_base_sub": "subtract", "_base_zero": "zero"}
    return names.get(module.state_function.__name__, "none")
