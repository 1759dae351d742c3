"""sinabs: IAF and LIF neurons, squeezed or not.

A step (sinabs 3.1, `layers/functional/lif.py`): v = a * v + x, or a * v + (1 - a) * x with norm_input, where
a = exp(-1 / tau), 1 for IAF; fire at v >= threshold, reset, then the lower bound.
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
from nirdynap.frameworks.traced import Traced, lone, settings
from nirdynap.ir.units import IntArray


def trace(model: nn.Module, sample: IntArray) -> Traced:
    """The graph of a sinabs model and its own spikes on the sample.

    Args:
        model: takes [batch * time, ...] if it holds squeezing neurons (`IAFSqueeze`), else [batch, time, ...].
        sample: int64 [time, batch, C, H, W] or [time, batch, N].

    Raises:
        CompileError: ND8xx, all findings at once.
    """
    import sinabs.layers as sl

    dialect = Dialect(
        framework="sinabs",
        version=version("sinabs"),
        convention="sinabs",
        is_neuron=lambda module: isinstance(module, sl.StatefulLayer),
        neuron=_neuron,
        prepare=_prepare,
        reset=_reset,
        calls=_calls,
        takes="[time, C, H, W] or [time, N], with IAFSqueeze(batch_size=1) instead of IAF behind Conv2d and pools; "
        "with IAF alone [1, time, N]",
        merge=lambda module: isinstance(module, sl.Merge),
    )
    return trace_torch(model, sample, dialect)


def _prepare(model: nn.Module) -> nn.Module:
    """One sample at a time, whatever batch the model was built for."""
    import sinabs.layers as sl

    for module in model.modules():
        if isinstance(module, sl.SqueezeMixin):
            module.batch_size, module.num_timesteps = 1, -1
        elif isinstance(module, sl.UnflattenTime):
            module.batch_size = 1
    return model


def _reset(model: nn.Module) -> None:
    import sinabs.layers as sl

    for module in model.modules():
        if isinstance(module, sl.StatefulLayer):
            module.reset_states()


def _calls(model: nn.Module, recording: Tensor) -> list[Tensor]:
    import sinabs.layers as sl

    squeezing = any(isinstance(module, sl.SqueezeMixin) for module in model.modules())
    return [recording[:, 0] if squeezing else recording.transpose(0, 1)]


def _neuron(name: str, module: Any, shape: tuple[int, ...]) -> nir.NIRNode:
    import sinabs.layers as sl

    raise_errors(_findings(node_place(name), module))
    threshold = full(numbers(module.spike_threshold), shape)
    own = {
        "tie": "fires",
        "reset": _reset_word(module),
        "v_min": _lower_bound(module),
        "spikes_per_step": _spike_word(module),
    }
    if isinstance(module, sl.IAF):
        return nir.IF(r=np.ones(shape), v_threshold=threshold, metadata=settings(**own))
    # The time step is 1, and r makes NIR's own equation say the same.
    tau = full(numbers(module.tau_mem_calculated), shape)
    with np.errstate(divide="ignore"):
        r = np.ones(shape) if module.norm_input else 1.0 / -np.expm1(-1.0 / tau)
    way = settings(**own, integration="exp" if module.norm_input else "exp-raw", dt=1.0)
    return nir.LIF(tau=tau, r=r, v_leak=np.zeros(shape), v_threshold=threshold, metadata=way)


def _findings(place: str, module: Any) -> Iterator[Diagnostic]:
    """Every property of the neuron that NIR and our settings cannot say."""
    import sinabs.layers as sl

    if type(module) not in (sl.IAF, sl.IAFSqueeze, sl.LIF, sl.LIFSqueeze):
        value, remedy = type(module).__name__, "IAF, IAFSqueeze, LIF or LIFSqueeze"
        yield UNKNOWN_MODULE.at(place, value=value, why="is nothing that the chip's neurons can do", remedy=remedy)
        return

    def odd(parameter: str, value: object, limit: str) -> Diagnostic:
        return NO_COUNTERPART.at(place, parameter=parameter, value=str(value), limit=limit)

    if module.tau_syn_calculated is not None:
        yield odd("tau_syn", lone(numbers(module.tau_syn_calculated)), "no synaptic filter (None)")
    if _spike_word(module) is None:
        word = getattr(module.spike_fn, "__name__", module.spike_fn)
        yield odd("spike_fn", word, "MultiSpike, SingleSpike")
    if _reset_word(module) is None:
        yield odd("reset_fn", module.reset_fn, "MembraneSubtract() of the threshold, MembraneReset() to 0")
    bound = _lower_bound(module)
    if bound is None or (isinstance(bound, float) and bound > 0):
        found = "not the same for all neurons" if bound is None else bound
        yield odd("min_v_mem", found, "None, one number <= 0, or minus the threshold")


def _spike_word(module: Any) -> str | None:
    from sinabs.activation import MaxSpike, MultiSpike, SingleSpike

    how = module.spike_fn
    if how is MultiSpike or how == MaxSpike(None):
        return "many"
    return "one" if how is SingleSpike or how == MaxSpike(1) else None


def _reset_word(module: Any) -> str | None:
    from sinabs.activation import MembraneReset, MembraneSubtract

    how = module.reset_fn
    if isinstance(how, MembraneReset):
        return "zero" if how.reset_value == 0 else None
    if isinstance(how, MembraneSubtract):
        amount = how.subtract_value
        same = amount is None or bool((numbers(module.spike_threshold) == np.asarray(amount)).all())
        return "subtract" if same else None
    return None


def _lower_bound(module: Any) -> float | str | None:
    """The setting v_min; None where no setting says it."""
    if module.min_v_mem is None:
        return "none"
    bound = lone(numbers(module.min_v_mem))
    if isinstance(bound, float):
        return bound
    threshold = numbers(module.spike_threshold)
    return "-threshold" if bound.shape == threshold.shape and (bound == -threshold).all() else None
