"""Rockpool models for the live run: each that is to be reproduced, and each that must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from rockpool.nn.combinators import Residual, Sequential
from rockpool.nn.modules import ExpSynTorch, LIFNeuronTorch, LIFTorch, LinearTorch
from rockpool.nn.modules.torch.dropout import UnitDropout
from torch import nn

Model = tuple[str, Any, np.ndarray]


def sample(size: int = 12, steps: int = 30, batch: int = 3) -> np.ndarray:
    """Counts [time, batch, size]."""
    return np.random.default_rng(5).poisson(0.7, (steps, batch, size))


def on_grid(model: Any) -> Any:
    """Weights on a grid of 2**-6, so that no sum is rounded and ties happen."""
    generator = torch.Generator().manual_seed(4)
    for module in dict(nn.Module.named_modules(model)).values():
        if isinstance(module, LinearTorch):
            for name, parameter in nn.Module.named_parameters(module, recurse=False):
                setattr(module, name, nn.Parameter(torch.randint(-32, 36, parameter.shape, generator=generator) / 64))
    return model


def neuron(size: int, **settings: Any) -> Any:
    return LIFNeuronTorch((size,), **{"tau_mem": torch.tensor(torch.inf), **settings})


def _net(**settings: Any) -> Any:
    return Sequential(LinearTorch((12, 8)), neuron(8, **settings), LinearTorch((8, 5)), neuron(5, **settings))


def reproduced() -> Iterator[Model]:
    """Models whose graph must fire as they do."""
    x, once = sample(), torch.tensor(1.0)
    yield "many_spikes", on_grid(_net()), x
    yield "one_spike", on_grid(_net(max_spikes_per_dt=once)), x
    lower = neuron(5, bias=torch.full((5,), -0.25))
    biased = Sequential(LinearTorch((12, 8), has_bias=True), neuron(8), LinearTorch((8, 5)), lower)
    yield "biases", on_grid(biased), x
    both = Sequential(LinearTorch((12, 8), has_bias=True), neuron(8, bias=torch.linspace(-0.5, 0.5, 8)))
    yield "bias_of_both", on_grid(both), x
    inner = Residual(LinearTorch((8, 8)), neuron(8), LinearTorch((8, 8)), neuron(8, threshold=torch.tensor(2.0)))
    yield "residual", on_grid(Sequential(LinearTorch((12, 8)), neuron(8), inner, LinearTorch((8, 3)), neuron(3))), x
    nested = Sequential(Sequential(LinearTorch((12, 8)), neuron(8)), Sequential(LinearTorch((8, 3)), neuron(3)))
    yield "nested", on_grid(nested), x
    dropped = Sequential(LinearTorch((12, 8)), neuron(8), UnitDropout((8,)), LinearTorch((8, 3)), neuron(3))
    yield "dropout", on_grid(dropped), x
    yield "threshold_per_neuron", on_grid(_thresholds()), x
    torch.manual_seed(0)
    yield "any_weights", _net(threshold=torch.tensor(0.3)), x
    yield "leak", on_grid(_net(tau_mem=torch.tensor(0.02))), x
    several = neuron(3, tau_mem=torch.tensor([0.005, 0.05, torch.inf]))
    yield "leak_per_neuron", on_grid(Sequential(LinearTorch((12, 3)), several)), x
    yield "leak_of_another_step", on_grid(_net(tau_mem=torch.tensor(0.02), dt=5e-3, max_spikes_per_dt=once)), x


def _thresholds() -> Any:
    second = neuron(5, threshold=torch.linspace(0.5, 1.5, 5))
    return Sequential(LinearTorch((12, 8)), neuron(8, threshold=torch.tensor(2.0)), LinearTorch((8, 5)), second)


def refused() -> Iterator[tuple[str, Any, np.ndarray, str]]:
    """Models with no exact counterpart, and the code of what is said."""
    x = sample()
    yield "synaptic_filter", Sequential(LinearTorch((12, 8)), LIFTorch((8,))), x, "ND802"
    yield "recurrent", Sequential(LinearTorch((12, 8)), LIFTorch((8,), has_rec=True)), x, "ND802"
    yield "synapse_alone", Sequential(LinearTorch((12, 8)), ExpSynTorch((8,))), x, "ND802"
    yield "three_spikes", _net(max_spikes_per_dt=torch.tensor(3.0)), x, "ND807"
    yield "noise", _net(noise_std=0.1), x, "ND807"
    head = (LinearTorch((8, 3)), neuron(3))
    shared = Sequential(LinearTorch((12, 8)), Residual(neuron(8, bias=torch.full((8,), 0.5))), *head)
    yield "bias_of_shared_weights", shared, x, "ND807"
    twice = Sequential(LinearTorch((12, 8)), neuron(8), Residual(Residual(neuron(8))), *head)
    yield "twice_the_same", twice, x, "ND802"
    mixed = Sequential(LinearTorch((12, 8)), neuron(8, max_spikes_per_dt=torch.tensor(1.0)), *head)
    yield "mixed_spikes", mixed, x, "ND216"
    again = LinearTorch((12, 12))
    yield "module_twice", Sequential(again, neuron(12), again, neuron(12)), x, "ND804"
    yield "other_size", _net(), sample(11), "ND806"
