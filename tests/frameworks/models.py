"""Torch models for the tests of this room, with weights on a grid of 2**-6, so that no sum is rounded."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nirdynap.nn.layers import IntegrateAndFire, OverTime, SumPool2d


def on_grid(model: nn.Module, seed: int = 1) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            for parameter in module.parameters():
                parameter.data = torch.randint(-24, 40, parameter.shape, generator=generator) / 64
    return model


def counts(*shape: int, seed: int = 0, rate: float = 0.7) -> np.ndarray:
    return np.random.default_rng(seed).poisson(rate, shape)


def conv_net(*between: nn.Module, pool: nn.Module | None = None, **settings: object) -> nn.Sequential:
    """For samples [time, batch, 2, 8, 8]."""
    return on_grid(
        nn.Sequential(
            OverTime(nn.Conv2d(2, 4, 3, padding=1, bias=False), *between),
            IntegrateAndFire(v_min=-1.0, **settings),
            pool or SumPool2d(2),
            nn.Flatten(2),
            nn.Linear(64, 5),
            IntegrateAndFire(v_min=-1.0, **settings),
        )
    )


class Merging(nn.Module):
    """Spikes added up in place, currents added up before a neuron, a reshaping by computed sizes, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_spikes = OverTime(nn.Conv2d(2, 4, 3, padding=1)), IntegrateAndFire(1.5, v_min=-2.0)
        self.a, self.b = OverTime(nn.Conv2d(4, 4, 3, padding=1, groups=2)), OverTime(nn.Conv2d(4, 4, 1, bias=False))
        self.spikes = IntegrateAndFire(reset="zero")
        self.pool, self.drop = OverTime(nn.AvgPool2d(2)), nn.Dropout(0.5)
        self.readout, self.last = nn.Linear(64, 3), IntegrateAndFire(torch.tensor([1.0, 0.5, 2.0]))
        on_grid(self)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        skip = self.stem_spikes(self.stem(x.float()))
        y = self.spikes(self.a(skip) + self.b(skip))
        y += skip
        flat = self.drop(self.pool(y)).reshape(*x.shape[:2], -1)
        return {"class": self.last(self.readout(flat)), "map": skip}
