"""Torch models with the neurons of `nirdynap.nn.layers`."""

from __future__ import annotations

import nir
import numpy as np
import torch
from torch import nn

from nirdynap.errors import NO_COUNTERPART, CompileError, node_place
from nirdynap.frameworks.dialect import Dialect
from nirdynap.frameworks.neuron_nodes import full
from nirdynap.frameworks.torch_trace import trace_torch
from nirdynap.frameworks.traced import Traced, lone, settings
from nirdynap.ir.units import IntArray
from nirdynap.nn.layers import IntegrateAndFire, reset_states


def trace(model: nn.Module, sample: IntArray) -> Traced:
    """The graph of a torch model and its own spikes on the sample.

    Args:
        model: takes whole recordings, [time, batch, ...].
        sample: int64 [time, batch, C, H, W] or [time, batch, N].

    Raises:
        CompileError: ND8xx, all findings at once.
    """
    return trace_torch(model, sample, _DIALECT)


def _neuron(name: str, module: nn.Module, shape: tuple[int, ...]) -> nir.NIRNode:
    assert isinstance(module, IntegrateAndFire)
    threshold = full(module.threshold.numpy(), shape)
    if module.subtract is not None and (full(module.subtract.numpy(), shape) != threshold).any():
        value, limit = str(lone(module.subtract.flatten())), "the threshold, which the chip subtracts"
        raise CompileError([NO_COUNTERPART.at(node_place(name), parameter="subtract", value=value, limit=limit)])
    return nir.IF(
        r=np.ones(shape),
        v_threshold=threshold,
        metadata=settings(
            tie="fires",
            reset=module.reset,
            v_min="none" if module.v_min is None else float(module.v_min),
            spikes_per_step=module.spikes_per_step,
        ),
    )


_DIALECT = Dialect(
    framework="torch",
    version=torch.__version__,
    convention="torch",
    is_neuron=lambda module: isinstance(module, IntegrateAndFire),
    neuron=_neuron,
    prepare=lambda model: model,
    reset=reset_states,
    calls=lambda _, recording: [recording],
    takes="a whole recording, [time, 1, C, H, W] or [time, 1, N]; layers that know no time, such as Conv2d and "
    "AvgPool2d, go into nirdynap.nn.layers.OverTime",
)
