"""sinabs models for the live run: each that is to be reproduced, and each that must be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import sinabs.activation as sa
import sinabs.layers as sl
import torch
from torch import nn

Model = tuple[str, nn.Module, np.ndarray]
SHAPE = (2, 10, 10)


def sample(shape: tuple[int, ...] = SHAPE, steps: int = 24, batch: int = 2, rate: float = 0.6) -> np.ndarray:
    """Counts [time, batch, ...]."""
    return np.random.default_rng(7).poisson(rate, (steps, batch, *shape))


def on_grid(model: nn.Module) -> nn.Module:
    """Weights on a grid of 2**-6, so that no sum is rounded and ties happen."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            for parameter in module.parameters():
                whole = torch.randint(-32, 36, parameter.shape, generator=generator)
                parameter.data = whole / 64
    return model


def iaf(**settings: object) -> nn.Module:
    return sl.IAFSqueeze(batch_size=3, **{"min_v_mem": -1.0, **settings})


def lif(**settings: object) -> nn.Module:
    return sl.LIFSqueeze(batch_size=3, **{"min_v_mem": -1.0, "tau_mem": 4.0, **settings})


def _conv_net(neuron: Callable[[], nn.Module], *between: nn.Module) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False), *between, neuron(), sl.SumPool2d(2), nn.Flatten(), nn.Linear(64, 5), neuron()
    )


class Merging(nn.Module):
    """Two branches of spikes, merged once by `sl.Merge`, once by an addition in place; a long way round."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_spikes = nn.Conv2d(2, 4, 3, padding=1), iaf()
        self.left, self.left_spikes = nn.Conv2d(4, 4, 3, padding=1, groups=2), iaf(spike_threshold=torch.tensor(2.0))
        self.right, self.right_spikes = nn.Conv2d(4, 4, 1), iaf()
        self.merge = sl.Merge()
        self.down, self.down_spikes = nn.Conv2d(4, 4, 2, stride=2, bias=False), iaf()
        self.readout, self.last = nn.Linear(100, 3), iaf()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem_spikes(self.stem(x))
        y = self.merge(self.left_spikes(self.left(x)), self.right_spikes(self.right(x)))
        y += x
        return self.last(self.readout(torch.flatten(self.down_spikes(self.down(y)), 1)))


class Currents(nn.Module):
    """Two convolutions whose currents add up in one neuron; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.spikes = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(2, 3, 1, bias=False), iaf()
        self.head, self.head_spikes = nn.Conv2d(3, 2, 3), iaf()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.spikes(self.a(x) + self.b(x))
        return hidden, self.head_spikes(self.head(hidden))


class Unsqueezed(nn.Module):
    """Plain IAF layers between convolutions that know no time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.spikes = sl.Repeat(nn.Conv2d(2, 4, 3, bias=False)), sl.IAF(min_v_mem=-2.0)
        self.fold, self.pool, self.unfold = sl.FlattenTime(), sl.SumPool2d(4), sl.UnflattenTime(batch_size=3)
        self.flat, self.readout, self.last = nn.Flatten(2), nn.Linear(16, 3), sl.IAF()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.unfold(self.pool(self.fold(self.spikes(self.conv(x)))))
        return self.last(self.readout(self.flat(x)))


def _trained_norm() -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(4, eps=0.05)
    norm.running_mean, norm.running_var = torch.tensor([0.5, -0.25, 0.0, 1.0]), torch.tensor([0.5, 2.0, 1.0, 0.1])
    norm.weight.data, norm.bias.data = torch.tensor([1.0, 0.5, 2.0, 1.5]), torch.tensor([0.0, 0.5, -0.5, 0.25])
    return norm


def _used(model: nn.Module) -> nn.Module:
    """A model in the middle of training: states of another batch size, which hang on a graph of gradients."""
    model.train()
    model(torch.rand(3 * 5, *SHAPE))
    return model


def _with_thresholds() -> nn.Module:
    def neuron() -> nn.Module:
        shape = (4, 1, 1) if not made else ()
        made.append(1)
        return iaf(spike_threshold=torch.tensor([1.0, 0.5, 2.0, 1.5]).reshape(shape) if shape else torch.tensor(0.75))

    made: list[int] = []
    return _conv_net(neuron)


def reproduced() -> Iterator[Model]:
    """Models whose graph must fire as they do."""
    x = sample()
    yield "conv_sum_pool", on_grid(_conv_net(iaf)), x
    yield "unbounded", on_grid(_conv_net(lambda: iaf(min_v_mem=None))), x
    yield "single_spike", on_grid(_conv_net(lambda: iaf(spike_fn=sa.SingleSpike))), x
    yield "at_most_one", on_grid(_conv_net(lambda: iaf(spike_fn=sa.MaxSpike(1)))), x
    yield "reset_to_zero", on_grid(_conv_net(lambda: iaf(reset_fn=sa.MembraneReset()))), x
    yield "threshold_per_channel", on_grid(_with_thresholds()), x
    yield "bound_is_minus_threshold", on_grid(_conv_net(lambda: iaf(min_v_mem=-0.5, spike_threshold=0.5))), x
    yield "dropout_identity", on_grid(_conv_net(iaf, nn.Identity(), nn.Dropout2d(0.5))), x
    yield "batch_norm", on_grid(_conv_net(iaf, _trained_norm(), nn.Dropout(0.2))), x
    torch.manual_seed(0)
    yield "any_weights", _conv_net(iaf), x
    yield "average_pools", on_grid(_avg_net(nn.AvgPool2d(2), nn.AvgPool2d((2, 1), ceil_mode=True))), x
    yield "pool_as_norm", on_grid(_avg_net(nn.LPPool2d(1, 3), nn.AvgPool2d(2, divisor_override=1))), x
    yield "merges", on_grid(Merging()), x
    yield "currents_add_up", on_grid(Currents()), x
    yield "unsqueezed", on_grid(Unsqueezed()), x
    yield "in_training", _used(on_grid(_conv_net(iaf))), x
    yield "linear_only", on_grid(nn.Sequential(nn.Linear(12, 8), iaf(), nn.Linear(8, 3), iaf())), sample((12,))
    yield "leaky", on_grid(_conv_net(lambda: lif(spike_threshold=0.25))), x
    yield "leaky_raw", on_grid(_conv_net(lambda: lif(norm_input=False, tau_mem=5.0))), x
    yield "leaky_alphas", on_grid(_conv_net(lambda: lif(train_alphas=True, norm_input=False))), x


def _avg_net(first: nn.Module, second: nn.Module) -> nn.Module:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding="same", bias=False), iaf(), first, nn.Conv2d(4, 4, 2), iaf(), second,
        nn.Flatten(1), nn.LazyLinear(3), iaf(),
    )  # fmt: skip
    model(torch.zeros(3, *SHAPE))  # the lazy layer learns its size
    return model


class Twice(nn.Module):
    """One convolution at two places."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.first, self.second = nn.Conv2d(2, 2, 3, padding=1), iaf(), iaf()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.conv(self.first(self.conv(x))))


def refused() -> Iterator[tuple[str, nn.Module, np.ndarray, str]]:
    """Models with no exact counterpart, and the code of what is said."""
    x = sample()
    recurrent = sl.IAFRecurrent(rec_connect=nn.Linear(12, 12))
    norm_behind_pool = nn.Sequential(
        nn.Conv2d(2, 4, 3), iaf(), nn.AvgPool2d(2), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 2), iaf()
    )
    yield "padded_pool", _avg_net(nn.AvgPool2d(2, padding=1), nn.Identity()), x, "ND118"
    yield "overlapping_pool", _avg_net(nn.AvgPool2d(3, stride=2), nn.Identity()), x, "ND118"
    yield "max_pool", _avg_net(nn.MaxPool2d(2), nn.Identity()), x, "ND802"
    yield "spiking_max_pool", _avg_net(sl.SpikingMaxPooling2dLayer(2), nn.Identity()), x, "ND802"
    yield "recurrent", nn.Sequential(nn.Linear(12, 12), recurrent), sample((12,)), "ND802"
    yield "exp_leak", _conv_net(lambda: sl.ExpLeakSqueeze(tau_mem=10.0, batch_size=1)), x, "ND802"
    yield "synaptic_filter", _conv_net(lambda: lif(tau_syn=5.0)), x, "ND807"
    yield "many_at_most", _conv_net(lambda: iaf(spike_fn=sa.MaxSpike(3))), x, "ND807"
    yield "reset_to_half", _conv_net(lambda: iaf(reset_fn=sa.MembraneReset(0.5))), x, "ND807"
    yield "reset_by_half", _conv_net(lambda: iaf(reset_fn=sa.MembraneSubtract(0.5))), x, "ND807"
    yield "norm_behind_pool", norm_behind_pool, x, "ND805"
    yield "module_twice", Twice(), x, "ND804"
    yield "iaf_behind_conv", nn.Sequential(nn.Conv2d(2, 4, 3), sl.IAF()), x, "ND806"
    yield "relu", _conv_net(iaf, nn.ReLU()), x, "ND802"
    yield "mixed_spikes", nn.Sequential(_conv_net(iaf), nn.Linear(5, 2), iaf(spike_fn=sa.SingleSpike)), x, "ND216"
