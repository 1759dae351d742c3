"""snnTorch models for the live run: each that is to be reproduced, and each that must be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import snntorch as snn
import torch
from snntorch import utils
from snntorch.functional.quant import state_quant
from torch import nn

Model = tuple[str, nn.Module, np.ndarray]
SHAPE = (2, 10, 10)


def sample(shape: tuple[int, ...] = SHAPE, steps: int = 30, batch: int = 2) -> np.ndarray:
    """Counts [time, batch, ...]."""
    return np.random.default_rng(3).poisson(0.7, (steps, batch, *shape))


def on_grid(model: nn.Module) -> nn.Module:
    """Weights on a grid of 2**-6, so that no sum is rounded and ties happen."""
    generator = torch.Generator().manual_seed(2)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            for parameter in module.parameters():
                parameter.data = torch.randint(-32, 36, parameter.shape, generator=generator) / 64
    return model


def leaky(beta: float = 1.0, **settings: object) -> nn.Module:
    return snn.Leaky(beta=beta, init_hidden=True, **settings)


def _conv_net(neuron: Callable[[], nn.Module], *between: nn.Module, pool: nn.Module | None = None) -> nn.Module:
    pool = pool or nn.AvgPool2d(2)
    size = 4 * pool(torch.zeros(1, 4, 8, 8)).shape[-1] ** 2
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False), *between, neuron(), pool, nn.Flatten(), nn.Linear(size, 5), neuron()
    )


class Residual(nn.Module):
    """Membranes handed out as in the tutorials; spikes of two layers added up."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_spikes = nn.Conv2d(2, 4, 3, padding=1), snn.Leaky(beta=1.0, threshold=1.5)
        self.body, self.norm, self.body_spikes = nn.Conv2d(4, 4, 3, padding=1), _trained_norm(), snn.Leaky(beta=1.0)
        self.head, self.head_spikes = nn.Linear(100, 3), snn.Leaky(beta=1.0, threshold=torch.tensor(2.0))
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        skip, _ = self.stem_spikes(self.stem(x))
        spikes, _ = self.body_spikes(self.norm(self.body(skip)))
        spikes += skip
        return self.head_spikes(self.head(torch.flatten(self.pool(spikes), 1)))


def _trained_norm() -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(4, eps=0.05)
    norm.running_mean, norm.running_var = torch.tensor([0.5, -0.25, 0.0, 1.0]), torch.tensor([0.5, 2.0, 1.0, 0.1])
    norm.weight.data, norm.bias.data = torch.tensor([1.0, 0.5, 2.0, 1.5]), torch.tensor([0.0, 0.5, -0.5, 0.25])
    return norm


def _used(model: nn.Module) -> nn.Module:
    """A model in the middle of training: membranes of another batch size, which hang on a graph of gradients."""
    model.train()
    model(torch.rand(7, *SHAPE))
    return model


def _per_channel() -> nn.Module:
    model = _conv_net(leaky)
    model[1] = leaky(threshold=torch.tensor([1.0, 0.5, 2.0, 1.5]).reshape(4, 1, 1))
    model[-1] = leaky(threshold=torch.linspace(0.5, 1.5, 5), learn_threshold=True)
    return model


def _switched_later() -> nn.Module:
    """The property says "zero", and the neuron goes on subtracting."""
    model = _conv_net(leaky)
    for module in model.modules():
        if isinstance(module, snn.Leaky):
            module.reset_mechanism = "zero"
    return model


def reproduced() -> Iterator[Model]:
    """Models whose graph must fire as they do."""
    x = sample()
    yield "conv_avg_pool", on_grid(_conv_net(leaky)), x
    yield "reset_to_zero", on_grid(_conv_net(lambda: leaky(reset_mechanism="zero"))), x
    yield "zero_without_delay", on_grid(_conv_net(lambda: leaky(reset_mechanism="zero", reset_delay=False))), x
    yield "switched_later", on_grid(_switched_later()), x
    yield "threshold_per_neuron", on_grid(_per_channel()), x
    yield "dropout_identity", on_grid(_conv_net(leaky, nn.Identity(), nn.Dropout2d(0.5))), x
    yield "batch_norm", on_grid(_conv_net(leaky, _trained_norm())), x
    yield "residual", on_grid(Residual()), x
    yield "in_training", _used(on_grid(_conv_net(leaky))), x
    both = nn.Sequential(nn.Linear(12, 8), leaky(), nn.Linear(8, 3), leaky(output=True))
    yield "output_too", on_grid(both), sample((12,))
    yield "sum_pool", on_grid(_conv_net(leaky, pool=nn.LPPool2d(1, 4))), x
    torch.manual_seed(0)
    yield "any_weights", _conv_net(lambda: leaky(threshold=0.3)), x
    yield "leak", on_grid(_conv_net(lambda: leaky(0.9))), x
    yield "leak_to_zero", on_grid(_conv_net(lambda: leaky(0.75, reset_mechanism="zero"))), x
    yield "leak_at_once", on_grid(_conv_net(lambda: leaky(0.75, reset_mechanism="zero", reset_delay=False))), x
    yield "leak_of_everything", on_grid(_conv_net(lambda: leaky(0.0))), x
    yield "leak_beyond_one", on_grid(_conv_net(lambda: leaky(1.25))), x  # snnTorch clamps it to 1
    yield "leak_lapicque", on_grid(_lapicque()), sample((12,))
    yield "loop_over_time", on_grid(Loop()), sample((12,))
    yield "leak_in_loop", on_grid(Loop(0.9)), sample((12,))
    yield "loop_that_resets", on_grid(ForgetfulLoop()), sample((12,))
    yield "membrane_in_attribute", on_grid(Attribute()), sample((12,))
    mixed = nn.Sequential(nn.Linear(12, 4), leaky(torch.tensor([1.0, 0.9, 0.5, 0.0]), learn_beta=True))
    yield "leak_in_some", on_grid(mixed), sample((12,))


class Loop(nn.Module):
    """As in the tutorials: the forward loops over time, keeps the membranes and returns them too."""

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(12, 8), snn.Leaky(beta=beta)
        self.fc2, self.lif2 = nn.Linear(8, 3), snn.Leaky(beta=beta)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spk_rec, mem_rec = [], []
        for step in range(30):
            spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spk_rec.append(spk2)
            mem_rec.append(mem2)
        return torch.stack(spk_rec, dim=0), torch.stack(mem_rec, dim=0)


class Static(Loop):
    """As in the tutorials with pictures: every step is given the whole input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mem1, out = self.lif1.init_leaky(), []
        for _ in range(25):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            out.append(spk1)
        return torch.stack(out)


class Attribute(Loop):
    """One step per call; the model itself keeps the membrane."""

    mem = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spikes, self.mem = self.lif1(self.fc1(x), self.mem)
        return spikes


class Forgetful(nn.Module):
    """Resets all neurons in each call, by way of the list of neurons that snnTorch keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.lif1, self.fc2, self.lif2 = nn.Linear(12, 8), leaky(), nn.Linear(8, 3), leaky()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        utils.reset(self)
        return self.step(x)

    def step(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif2(self.fc2(self.lif1(self.fc1(x))))


class ForgetfulLoop(Forgetful):
    """Resets them once per recording, as it should be."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        utils.reset(self)
        return torch.stack([self.step(step) for step in x])


class Passed(Loop):
    """The caller keeps the membranes."""

    def forward(self, x: torch.Tensor, membrane: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.lif1(self.fc1(x), membrane)


def _lapicque(beta: float = 0.9, **settings: object) -> nn.Module:
    return nn.Sequential(nn.Linear(12, 8), snn.Lapicque(beta=beta, init_hidden=True, threshold=0.05, **settings))


def refused() -> Iterator[tuple[str, nn.Module, np.ndarray, str]]:
    """Models with no exact counterpart, and the code of what is said."""
    x, flat = sample(), sample((12,))
    yield "no_reset", _conv_net(lambda: leaky(reset_mechanism="none")), x, "ND807"
    yield "undelayed_subtract", _conv_net(lambda: leaky(reset_delay=False)), x, "ND807"
    yield "graded", _conv_net(lambda: leaky(graded_spikes_factor=2.0)), x, "ND807"
    yield "not_a_step", _conv_net(lambda: leaky(spike_grad=torch.relu)), x, "ND807"
    yield "quantised_state", _conv_net(lambda: leaky(state_quant=state_quant(num_bits=4))), x, "ND807"
    yield "synaptic", nn.Sequential(nn.Linear(12, 3), snn.Synaptic(0.9, 0.8, init_hidden=True)), flat, "ND802"
    yield "alpha", nn.Sequential(nn.Linear(12, 3), snn.Alpha(0.9, 0.8, init_hidden=True)), flat, "ND802"
    recurrent = snn.RLeaky(0.9, linear_features=3, init_hidden=True)
    yield "recurrent", nn.Sequential(nn.Linear(12, 3), recurrent), flat, "ND802"
    yield "max_pool", _conv_net(leaky, pool=nn.MaxPool2d(2)), x, "ND802"
    yield "padded_pool", _conv_net(leaky, pool=nn.AvgPool2d(2, padding=1)), x, "ND118"
    yield "loop_over_other_steps", Loop(), sample((12,), steps=20), "ND803"
    yield "loop_over_one_input", Static(), flat, "ND803"
    yield "reset_in_each_step", on_grid(Forgetful()), flat, "ND808"
    yield "lapicque_to_zero", _lapicque(reset_mechanism="zero"), flat, "ND807"
    yield "lapicque_that_swings", _lapicque(beta=0.3), flat, "ND807"
    yield "membrane_passed_in", Passed(), flat, "ND803"
