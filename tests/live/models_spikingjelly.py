"""SpikingJelly models for the live run: each that is to be reproduced, and each that must be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate
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


def multi(model: nn.Module) -> nn.Module:
    """The model in step mode "m"."""
    functional.set_step_mode(model, "m")
    return model


def soft(**settings: object) -> nn.Module:
    return neuron.IFNode(v_reset=None, **settings)


def _conv_net(make: Callable[[], nn.Module], *between: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        layer.Conv2d(2, 4, 3, bias=False),
        *between,
        make(),
        layer.AvgPool2d(2),
        layer.Flatten(),
        layer.Linear(64, 5),
        make(),
    )


class Residual(nn.Module):
    """A block whose spikes are added to its input, in place, by functions of torch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_spikes = layer.Conv2d(2, 4, 3, padding=1), soft()
        self.block = nn.Sequential(layer.Conv2d(4, 4, 3, padding=1, bias=False), layer.BatchNorm2d(4, eps=0.1), soft())
        self.drop, self.readout, self.last = layer.Dropout(0.3), layer.Linear(400, 3), neuron.IFNode()
        norm = self.block[1]
        norm.running_mean, norm.running_var = torch.tensor([0.5, -0.25, 0.0, 1.0]), torch.tensor([0.5, 2.0, 1.0, 0.1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem_spikes(self.stem(x))
        x += self.block(x)
        return self.last(self.readout(self.drop(x.flatten(-3))))


class Wrapped(nn.Module):
    """Torch's own layers inside a container that folds time into the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.features = layer.SeqToANNContainer(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
        self.spikes = neuron.IFNode(step_mode="m")
        self.head = layer.SeqToANNContainer(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(16, 3))
        self.last = neuron.IFNode(step_mode="m", v_reset=None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.head(self.spikes(self.features(x))))


class OverTime(nn.Module):
    """A forward that loops over the recording, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.net = _conv_net(soft)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.net(step) for step in x])


class OwnLoop(nn.Module):
    """A forward with a loop of its own over one input."""

    def __init__(self) -> None:
        super().__init__()
        self.net = _conv_net(neuron.IFNode)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(4):
            spikes = self.net(x)
        return spikes


def _used(model: nn.Module) -> nn.Module:
    """A model in the middle of training: its membranes hang on a graph of gradients."""
    model.train()
    model(torch.rand(5, *SHAPE))
    return model


def _lif(**settings: object) -> Callable[[], nn.Module]:
    return lambda: neuron.LIFNode(**{"tau": 4.0, "decay_input": False, **settings})


def reproduced() -> Iterator[Model]:
    """Models whose graph must fire as they do. Those with "zero" in the name reset to zero."""
    x = sample()
    yield "zero", on_grid(_conv_net(neuron.IFNode)), x
    yield "zero_multi_step", multi(on_grid(_conv_net(neuron.IFNode))), x
    yield "subtract", on_grid(_conv_net(soft)), x
    yield "subtract_multi_step", multi(on_grid(_conv_net(soft))), x
    yield "threshold", on_grid(_conv_net(lambda: soft(v_threshold=0.75))), x
    torch.manual_seed(0)
    yield "any_weights", _conv_net(lambda: soft(v_threshold=0.3)), x
    yield "dropout_identity", on_grid(_conv_net(soft, layer.Dropout2d(0.5), nn.Identity(), nn.Dropout(0.1))), x
    yield "zero_in_training", _used(on_grid(_conv_net(neuron.IFNode))), x
    yield "zero_residual", on_grid(Residual()), x
    yield "zero_residual_multi_step", multi(on_grid(Residual())), x
    yield "zero_wrapped", on_grid(Wrapped()), x
    yield "loop_over_time", on_grid(OverTime()), x
    yield "zero_leaky", on_grid(_conv_net(_lif())), x
    yield "leaky_subtract", on_grid(_conv_net(_lif(v_reset=None))), x
    yield "leaky_decayed_input", multi(on_grid(_conv_net(_lif(v_reset=None, decay_input=True, v_threshold=0.25)))), x
    yield "leaky_learned", on_grid(_conv_net(lambda: neuron.ParametricLIFNode(3.0, v_reset=None, v_threshold=0.25))), x
    yield "linear_only", on_grid(nn.Sequential(nn.Linear(12, 8), soft(), nn.Linear(8, 3), soft())), sample((12,))


def refused() -> Iterator[tuple[str, nn.Module, np.ndarray, str]]:
    """Models with no exact counterpart, and the code of what is said."""
    x = sample()
    smooth = surrogate.Sigmoid(spiking=False)
    yield "reset_to_half", _conv_net(lambda: neuron.IFNode(v_reset=-0.5)), x, "ND807"
    yield "smooth", _conv_net(lambda: neuron.IFNode(surrogate_function=smooth)), x, "ND807"
    yield "padded_pool", _conv_net(soft, nn.AvgPool2d(3, 1, 1)), x, "ND118"
    yield "standardised", nn.Sequential(layer.WSLinear(12, 6, bias=False), soft()), sample((12,)), "ND802"
    yield "max_pool", _conv_net(soft, layer.MaxPool2d(3, 1, 1)), x, "ND802"
    yield "izhikevich", _conv_net(neuron.IzhikevichNode), x, "ND802"
    yield "synapse", _conv_net(soft, layer.SynapseFilter()), x, "ND802"
    container = layer.ElementWiseRecurrentContainer(soft(), lambda a, b: a + b)
    yield "recurrent", nn.Sequential(nn.Linear(12, 12), container), sample((12,)), "ND802"
    yield "norm_behind_spikes", nn.Sequential(_conv_net(soft), nn.BatchNorm1d(5), nn.Linear(5, 2), soft()), x, "ND805"
    yield "own_loop", OwnLoop(), x, "ND803"
