"""Torch models with the neurons of `nirdynap.nn.layers`."""

from __future__ import annotations

import nir
import numpy as np
import torch
from torch import nn

from nirdynap.frameworks.dialect import Dialect
from nirdynap.frameworks.neuron_nodes import full
from nirdynap.frameworks.torch_trace import trace_torch
from nirdynap.frameworks.traced import Traced, settings
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
    return nir.IF(
        r=np.ones(shape),
        v_threshold=full(module.threshold.numpy(), shape),
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
