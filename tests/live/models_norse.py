"""Norse models for the live run: each that is to be reproduced, and each that must be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import norse.torch as norse
import numpy as np
import torch
from norse.torch.functional.iaf import IAFParameters
from norse.torch.functional.lif import LIFParameters
from norse.torch.functional.lif_box import LIFBoxParameters
from norse.torch.functional.reset import reset_subtract
from norse.torch.module.lif_box import LIFBoxCell
from torch import nn

Model = tuple[str, nn.Module, np.ndarray]
SHAPE = (2, 10, 10)


def sample(shape: tuple[int, ...] = SHAPE, steps: int = 30, batch: int = 2) -> np.ndarray:
    """Counts [time, batch, ...]."""
    return np.random.default_rng(4).poisson(0.7, (steps, batch, *shape))


def on_grid(model: nn.Module) -> nn.Module:
    """Weights on a grid of 2**-6, so that no sum is rounded and ties happen."""
    generator = torch.Generator().manual_seed(3)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            for parameter in module.parameters():
                parameter.data = torch.randint(-32, 36, parameter.shape, generator=generator) / 64
    return model


def _tensors(values: dict[str, Any]) -> dict[str, Any]:
    return {name: torch.tensor(v) if isinstance(v, (float, list)) else v for name, v in values.items()}


def iaf(**p: Any) -> nn.Module:
    return norse.IAFCell(IAFParameters(**_tensors(p)))


def box(**p: Any) -> nn.Module:
    return LIFBoxCell(LIFBoxParameters(**_tensors(p)))


def lif(**p: Any) -> nn.Module:
    return norse.LIFCell(LIFParameters(**_tensors(p)))


def _conv_net(neuron: Callable[[], nn.Module], *between: nn.Module, pool: nn.Module | None = None) -> nn.Module:
    pool = pool or nn.AvgPool2d(2)
    size = 4 * pool(torch.zeros(1, 4, 8, 8)).shape[-1] ** 2
    body = (nn.Conv2d(2, 4, 3, bias=False), *between, neuron(), pool)
    return norse.SequentialState(*body, nn.Flatten(), nn.Linear(size, 5), neuron())


class Residual(nn.Module):
    """States handed through, as Norse does it; spikes of two layers added up."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_spikes = nn.Conv2d(2, 4, 3, padding=1), iaf(v_th=1.5)
        self.body, self.norm, self.body_spikes = nn.Conv2d(4, 4, 3, padding=1), _trained_norm(), iaf()
        self.pool, self.head, self.head_spikes = nn.AvgPool2d(2), nn.Linear(100, 3), iaf(v_th=8.0)

    def forward(self, x: torch.Tensor, state: Any = None) -> Any:
        state = [None] * 3 if state is None else state
        skip, first = self.stem_spikes(self.stem(x), state[0])
        spikes, second = self.body_spikes(self.norm(self.body(skip)), state[1])
        flat = torch.flatten(self.pool(spikes + skip), 1)
        out, third = self.head_spikes(self.head(flat), state[2])
        return out, [first, second, third]


class Loop(nn.Module):
    """A forward that loops over the recording, and hands states from step to step."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.first, self.pool = nn.Conv2d(2, 4, 3), iaf(), nn.AvgPool2d(2)
        self.head, self.last = nn.Linear(64, 5), iaf(v_th=2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = last = None
        out = []
        for step in range(x.shape[0]):
            spikes, first = self.first(self.conv(x[step]), first)
            spikes, last = self.last(self.head(self.pool(spikes).flatten(1)), last)
            out.append(spikes)
        return torch.stack(out)


def _trained_norm() -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(4, eps=0.05)
    norm.running_mean, norm.running_var = torch.tensor([0.5, -0.25, 0.0, 1.0]), torch.tensor([0.5, 2.0, 1.0, 0.1])
    norm.weight.data, norm.bias.data = torch.tensor([1.0, 0.5, 2.0, 1.5]), torch.tensor([0.0, 0.5, -0.5, 0.25])
    return norm


def _nested() -> nn.Module:
    inner = norse.SequentialState(nn.Conv2d(2, 4, 3), iaf(), nn.Dropout(0.5))
    return norse.SequentialState(inner, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 5), iaf())


def _per_channel() -> nn.Module:
    thresholds = [torch.tensor([1.0, 0.5, 2.0, 1.5]).reshape(4, 1, 1), torch.linspace(0.5, 1.5, 5)]
    return _conv_net(lambda: iaf(v_th=thresholds.pop(0)))


def reproduced() -> Iterator[Model]:
    """Models whose graph must fire as they do."""
    x = sample()
    yield "conv_avg_pool", on_grid(_conv_net(iaf)), x
    yield "reset_below_zero", on_grid(_conv_net(lambda: iaf(v_reset=-0.5))), x
    yield "reset_above_zero", on_grid(_conv_net(lambda: iaf(v_reset=0.25, v_th=1.5))), x
    yield "threshold_per_neuron", on_grid(_per_channel()), x
    yield "batch_norm", on_grid(_conv_net(iaf, _trained_norm())), x
    yield "residual", on_grid(Residual()), x
    yield "loop_over_time", on_grid(Loop()), x
    yield "nested", on_grid(_nested()), x
    yield "other_surrogate", on_grid(_conv_net(lambda: iaf(method="heavi_erfc"))), x
    yield "linear_only", on_grid(norse.SequentialState(nn.Linear(12, 8), iaf(), nn.Linear(8, 3), iaf())), sample((12,))
    torch.manual_seed(0)
    yield "any_weights", _conv_net(lambda: iaf(v_th=0.3)), x
    yield "leak", on_grid(_conv_net(lambda: box(v_th=0.1))), x
    yield "leak_around_rest", on_grid(_conv_net(lambda: box(v_th=-64.875, v_leak=-65.0, v_reset=-65.0))), x
    yield "leak_subtract", on_grid(_conv_net(lambda: box(v_th=0.1, reset_method=reset_subtract))), x
    yield "leak_of_everything", on_grid(_conv_net(lambda: box(tau_mem_inv=1000.0))), x
    yield "synapse_of_one_step", on_grid(_conv_net(lambda: lif(v_th=0.1, tau_syn_inv=1000.0))), x
    several = norse.SequentialState(nn.Linear(12, 4), box(v_th=0.1, tau_mem_inv=[50.0, 100.0, 200.0, 900.0]))
    yield "leak_per_neuron", on_grid(several), sample((12,))


def refused() -> Iterator[tuple[str, nn.Module, np.ndarray, str]]:
    """Models with no exact counterpart, and the code of what is said."""
    x, flat = sample(), sample((12,))
    yield "synaptic_filter", _conv_net(lif), x, "ND807"
    yield "reset_elsewhere", _conv_net(lambda: box(v_reset=-0.5)), x, "ND807"
    yield "subtract_around_rest", _conv_net(lambda: box(v_leak=-0.5, reset_method=reset_subtract)), x, "ND807"
    yield "other_reset", _conv_net(lambda: box(reset_method=lambda z, v, reset, th: v - 2 * z * th)), x, "ND807"
    yield "adaptive", norse.SequentialState(nn.Linear(12, 3), norse.LIFAdExCell()), flat, "ND802"
    yield "recurrent", norse.SequentialState(nn.Linear(12, 3), norse.LIFRecurrentCell(3, 3)), flat, "ND802"
    yield "leaky_integrator", norse.SequentialState(nn.Linear(12, 3), norse.LICell()), flat, "ND802"
    yield "over_time", norse.SequentialState(norse.Lift(nn.Linear(12, 3)), norse.LIF()), flat, "ND802"
    yield "max_pool", _conv_net(iaf, pool=nn.MaxPool2d(2)), x, "ND802"
    yield "padded_pool", _conv_net(iaf, pool=nn.AvgPool2d(2, padding=1)), x, "ND118"
