"""SpikingJelly: IF, LIF and parametric LIF nodes, one step or many steps per call.

A step (spikingjelly 2.0, `_ops/*/reference.py`): IF v = v + x; LIF with decay_input v = v + (x - (v - v_reset)) / tau,
without v = v - (v - v_reset) / tau + x; fire at v >= v_threshold; go to v_reset, or subtract v_threshold where it is
None. The state starts at v_reset.
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
from nirdynap.frameworks.neuron_nodes import full
from nirdynap.frameworks.torch_nodes import numbers
from nirdynap.frameworks.torch_trace import trace_torch
from nirdynap.frameworks.traced import Traced, settings
from nirdynap.ir.units import IntArray


def trace(model: nn.Module, sample: IntArray) -> Traced:
    """The graph of a SpikingJelly model and its own spikes on the sample.

    Args:
        model: in step mode "m" it takes [time, batch, ...], in step mode "s" one step [batch, ...].
        sample: int64 [time, batch, C, H, W] or [time, batch, N].

    Raises:
        CompileError: ND8xx, all findings at once.
    """
    from spikingjelly.activation_based import functional

    dialect = Dialect(
        framework="spikingjelly",
        version=version("spikingjelly"),
        convention="spikingjelly",
        is_neuron=_is_neuron,
        neuron=_neuron,
        prepare=lambda model: model,
        reset=functional.reset_net,
        calls=_calls,
        takes='one step of one sample, [1, C, H, W] or [1, N]; with step_mode="m" (set_step_mode) [time, 1, ...]',
        identity=_is_dropout,
    )
    return trace_torch(model, sample, dialect)


def _is_neuron(module: nn.Module) -> bool:
    from spikingjelly.activation_based.base import MemoryModule

    return isinstance(module, MemoryModule) and not _is_dropout(module)


def _is_dropout(module: nn.Module) -> bool:
    from spikingjelly.activation_based.layer import Dropout

    return isinstance(module, Dropout)


def _calls(model: nn.Module, recording: Tensor) -> list[Tensor]:
    whole = any(getattr(module, "step_mode", "s") == "m" for module in model.modules())
    return [recording] if whole else list(recording)


def _neuron(name: str, module: Any, shape: tuple[int, ...]) -> nir.NIRNode:
    from spikingjelly.activation_based import neuron

    place = node_place(name)
    raise_errors(_findings(place, module))
    threshold = full(numbers(module.v_threshold), shape, place)
    own = {
        "tie": "fires",
        "reset": "subtract" if module.v_reset is None else "zero",
        "v_min": "none",
        "spikes_per_step": "one",
    }
    if isinstance(module, neuron.IFNode):
        return nir.IF(r=np.ones(shape), v_threshold=threshold, metadata=settings(**own))
    # The time step is 1, and r makes NIR's own equation say the same.
    learned = isinstance(module, neuron.ParametricLIFNode)
    tau = np.full(shape, 1.0 / float(module.w.double().sigmoid()) if learned else float(module.tau))
    r = np.ones(shape) if module.decay_input else tau.copy()
    way = settings(**own, integration="euler" if module.decay_input else "euler-raw", dt=1.0)
    return nir.LIF(tau=tau, r=r, v_leak=np.zeros(shape), v_threshold=threshold, metadata=way)


def _findings(place: str, module: Any) -> Iterator[Diagnostic]:
    """Every property of the neuron that NIR and our settings cannot say."""
    from spikingjelly.activation_based import neuron

    if type(module) not in (neuron.IFNode, neuron.LIFNode, neuron.ParametricLIFNode):
        value, remedy = type(module).__name__, "IFNode, LIFNode or ParametricLIFNode"
        yield UNKNOWN_MODULE.at(place, value=value, why="is nothing that the chip's neurons can do", remedy=remedy)
        return
    if module.v_reset:
        limit = "0.0, or None for subtraction"
        yield NO_COUNTERPART.at(place, parameter="v_reset", value=f"{module.v_reset:g}", limit=limit)
    if not module.surrogate_function.spiking:
        limit = "True: spikes, not their smooth stand-in"
        yield NO_COUNTERPART.at(place, parameter="surrogate_function.spiking", value="False", limit=limit)
