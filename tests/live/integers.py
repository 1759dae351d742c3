"""Puts the integers of a spec's cores back into the live model that the spec came from.

Weights, biases, strides and paddings go into the weight modules; thresholds and lower bounds into the neurons. What
lowering folded into the weights becomes nothing in the model: BatchNorm the identity, an average pool a sum.

A neuron that waits at v == threshold is given what makes it fire there, as the chip does: with reset to zero the chip's
threshold is one higher already, so the model gets it back; with subtraction it starts at 1/2, and on integers
v + 1/2 > threshold is v >= threshold. In Spyx, where the spikes of layer k come k - 1 steps late and its bias does not,
the layer starts that many biases lower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nirdynap.ir.spec import CoreSpec, Spec


class InexpressibleError(Exception):
    """The cores hold something that the live model has no place for."""


def put_back(framework: str, model: Any, spec: Spec) -> None:
    """Change `model` into the one that computes with the integers of `spec`."""
    if framework == "spyx":
        _into_spyx(model, spec)
    else:
        _into_torch(model, spec, _SET_NEURON[framework])


# --- torch -----------------------------------------------------------------------------------------------------------


def _into_torch(model: Any, spec: Spec, set_neuron: Callable[[Any, CoreSpec], None]) -> None:
    from torch import nn

    modules = dict(nn.Module.named_modules(model))
    for core in (c for c in spec.cores if c.origin):  # no relays
        own = [modules[name] for name in core.origin if name in modules]
        weighted = [m for m in own if isinstance(m, (nn.Conv2d, nn.Linear)) or type(m).__name__ == "LinearTorch"]
        neurons = [m for m in own if m not in weighted and not isinstance(m, _other_modules())]
        if len(weighted) != 1 or len(neurons) != 1:
            raise InexpressibleError(
                f"core {core.name} holds {len(weighted)} weight modules and {len(neurons)} neurons"
            )
        _set_weights(weighted[0], core)
        set_neuron(neurons[0], core)
    for module in modules.values():
        if isinstance(module, nn.AvgPool2d):
            module.divisor_override = 1
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.reset_running_stats()
            module.reset_parameters()
            module.eps = 0.0


def _other_modules() -> tuple[type, ...]:
    from torch import nn

    return (nn.Flatten, nn.AvgPool2d, nn.LPPool2d, nn.Identity, nn.Dropout)


def _set_weights(module: Any, core: CoreSpec) -> None:
    from torch import nn

    weights = np.asarray(core.weights, dtype=np.float32)
    bias = None if core.bias is None else _parameter(core.bias)
    if isinstance(module, nn.Conv2d):
        module.weight, module.bias, module.groups = _parameter(weights), bias, 1
        module.stride, module.padding, module.dilation = core.stride, core.padding, (1, 1)
        return
    rows = weights.reshape(len(weights), -1)
    if type(module).__name__ == "LinearTorch":
        _same_size(core, rows.T, module.weight)
        module.weight = _parameter(rows.T)
        if module.bias is not None:
            module.bias = _parameter(np.zeros(len(rows)))  # `_rockpool` gives it to the neurons
        return
    _same_size(core, rows, module.weight)
    module.weight, module.bias = _parameter(rows), bias


def _same_size(core: CoreSpec, ours: Any, theirs: Any) -> None:
    if ours.shape != tuple(theirs.shape):
        raise InexpressibleError(f"core {core.name} has weights {ours.shape}, its module {tuple(theirs.shape)}")


def _parameter(values: Any) -> Any:
    import torch

    return torch.nn.Parameter(torch.tensor(np.asarray(values, dtype=np.float32)), requires_grad=False)


def _snntorch(module: Any, core: CoreSpec) -> None:
    module.threshold = _parameter(core.threshold_high - int(core.return_to_zero))
    if not core.return_to_zero:
        module.register_forward_pre_hook(_start_at_half)


def _start_at_half(module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    import torch

    x, *passed = args
    membrane = next((m for m in passed if m is not None), module.mem)
    if membrane.shape != x.shape:  # where `Leaky` itself would start at 0
        membrane = torch.full_like(x, 0.5)
    if passed:
        return x, membrane
    module.mem = membrane
    return (x,)


def _norse(module: Any, core: CoreSpec) -> None:
    import torch

    assert core.return_to_zero
    module.p = module.p._replace(v_th=torch.tensor(core.threshold_high - 1.0), v_reset=torch.tensor(0.0))


def _rockpool(module: Any, core: CoreSpec) -> None:
    module.threshold = _parameter(np.full(module.size_out, core.threshold_high))
    module.bias = _parameter(np.zeros(module.size_out) if core.bias is None else core.bias)


def _sinabs(module: Any, core: CoreSpec) -> None:
    module.spike_threshold = _parameter(core.threshold_high)
    module.min_v_mem = _parameter(core.threshold_low)


def _spikingjelly(module: Any, core: CoreSpec) -> None:
    module.v_threshold = float(core.threshold_high)


_SET_NEURON: dict[str, Callable[[Any, CoreSpec], None]] = {
    "norse": _norse,
    "rockpool": _rockpool,
    "sinabs": _sinabs,
    "snntorch": _snntorch,
    "spikingjelly": _spikingjelly,
}


# --- Spyx ------------------------------------------------------------------------------------------------------------


def _into_spyx(model: Any, spec: Spec) -> None:
    import jax.numpy as jnp
    from flax import nnx

    layers = {f"layer_{i}": layer for i, layer in enumerate(model.layers)}
    for late, core in enumerate(spec.cores):
        bias = np.zeros(len(core.weights)) if core.bias is None else core.bias
        for layer in (layers[name] for name in core.origin if name in layers):
            if isinstance(layer, (nnx.Conv, nnx.Linear)):
                kernel = core.weights.transpose(2, 3, 1, 0)  # [y, x, in, out], channels last as Spyx flattens
                kernel = kernel if isinstance(layer, nnx.Conv) else kernel.reshape(-1, kernel.shape[-1])
                layer.kernel = nnx.Param(jnp.asarray(kernel, jnp.float32))
                layer.use_bias, layer.bias = True, nnx.Param(jnp.asarray(bias, jnp.float32))
            if isinstance(layer, nnx.Conv):
                layer.strides, layer.padding = core.stride, tuple((p, p) for p in core.padding)
                layer.kernel_dilation, layer.feature_group_count = 1, 1
                layer.kernel_shape = kernel.shape
            if type(layer).__name__ in ("IF", "LIF"):
                layer.threshold = float(core.threshold_high)
                start = 0.5 - late * np.asarray(bias)
                layer.initial_state = lambda batch, own=layer, start=start: jnp.full((batch, *own.hidden_shape), start)
    for layer in model.layers:
        if isinstance(layer, nnx.BatchNorm):
            layer.mean[...], layer.var[...] = jnp.zeros_like(layer.mean[...]), jnp.ones_like(layer.var[...])
            layer.scale, layer.bias, layer.epsilon = nnx.data(None), nnx.data(None), 0.0
