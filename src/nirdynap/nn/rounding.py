"""Layers that round and let gradients through as if they did not: for networks trained on rates, before they spike."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nirdynap.errors import InputError, raise_errors
from nirdynap.nn.arguments import bad_option
from nirdynap.nn.seeds import Seed, bad_seed, generator_of


def straight_through(hard: Tensor, smooth: Tensor) -> Tensor:
    """`hard` forward, the gradient of `smooth` backward. The difference of equals is zero, so `hard` stays whole."""
    return hard.detach() + (smooth - smooth.detach())


@final
class Quantize(nn.Module):
    """Rounds to whole multiples of a step, of weights or activations; backward the identity, d output / d input = 1.

    Args:
        step: between two levels, a positive number.
        rounding: "floor" to the level below, as a neuron counts full thresholds; or "nearest", half to even, as
            weights become integers (docs/semantics.md, section Integers).

    Raises:
        InputError: ND507 for any other argument.

    Example:
        >>> conv = nn.Conv2d(2, 8, 3)
        >>> _ = nn.utils.parametrize.register_parametrization(conv, "weight", Quantize(1 / 64, rounding="nearest"))
        >>> bool((conv.weight * 64 == (conv.weight * 64).round()).all())
        True
    """

    def __init__(self, step: float = 1.0, *, rounding: Literal["floor", "nearest"] = "floor") -> None:
        super().__init__()
        findings = [] if 0 < step < float("inf") else [bad_option("step", step, "a positive number")]
        if rounding not in ("floor", "nearest"):
            findings.append(bad_option("rounding", rounding, "floor, nearest"))
        raise_errors(findings, InputError)
        self.step, self.rounding = step, rounding

    def forward(self, x: Tensor) -> Tensor:
        """The values rounded, same shape and dtype."""
        levels = x / self.step
        return straight_through((levels.floor() if self.rounding == "floor" else levels.round()) * self.step, x)

    def extra_repr(self) -> str:
        """The settings, as torch prints them."""
        return f"step={self.step:g}, rounding={self.rounding}"


@final
class NeuromorphicReLU(nn.Module):
    """A ReLU that puts out whole numbers, as an integrate-and-fire neuron of threshold 1 does over a recording.

    Backward it is a plain ReLU: d output / d input = 1 where input > 0, else 0. A loss on `synaptic_operations` holds
    down what the spiking network will cost:

        loss = task_loss + weight * sum(layer.synaptic_operations for layer in relus)

    Attributes:
        activity: outputs of the last call, summed, per item of the first axis; a scalar with gradients, 0 before the
            first call and behind `reset_states`.

    Args:
        fanout: synaptic operations that one output brings about, such as out_channels * kernel_y * kernel_x of the
            convolution behind it.
        rounding: "floor"; "stochastic", up with the probability of what floor would cut off, in training only (in
            eval mode it is floor); or "none", to count without rounding.
        seed: of "stochastic": an int draws the same in every call, a torch.Generator goes on from call to call, None
            is torch's own generator.

    Raises:
        InputError: ND507 for any other argument.

    Example:
        >>> relu = NeuromorphicReLU(fanout=9)
        >>> relu(torch.tensor([[-1.5, 0.5, 2.75]]))
        tensor([[0., 0., 2.]])
        >>> relu.synaptic_operations
        tensor(18.)
    """

    activity: Tensor

    def __init__(
        self,
        *,
        fanout: float = 1.0,
        rounding: Literal["floor", "stochastic", "none"] = "floor",
        seed: Seed = None,
    ) -> None:
        super().__init__()
        findings = [] if 0 <= fanout < float("inf") else [bad_option("fanout", fanout, "a number >= 0")]
        if rounding not in ("floor", "stochastic", "none"):
            findings.append(bad_option("rounding", rounding, "floor, stochastic, none"))
        raise_errors([*findings, *bad_seed(seed)], InputError)
        self.register_buffer("activity", torch.zeros(()), persistent=False)
        self.fanout, self.rounding, self._seed = fanout, rounding, seed

    @property
    def synaptic_operations(self) -> Tensor:
        """Fan-out times activity: a scalar with gradients."""
        return self.fanout * self.activity

    def reset_states(self) -> None:
        """Forget the activity, and the gradients that hang on it."""
        self.activity = torch.zeros_like(self.activity.detach())

    def forward(self, x: Tensor) -> Tensor:
        """Whole numbers from 0 up, of x's shape [batch, ...]."""
        smooth = functional.relu(x)
        out = smooth if self.rounding == "none" else straight_through(self._rounded(smooth.detach()), smooth)
        self.activity = out.sum() / max(1, len(out))
        return out

    def _rounded(self, values: Tensor) -> Tensor:
        if self.rounding == "floor" or not self.training:
            return values.floor()
        generator = generator_of(self._seed)
        drawn = torch.rand(values.shape, generator=generator, dtype=values.dtype, device=generator.device)
        return values.floor() + (drawn.to(values.device) < values - values.floor())

    def extra_repr(self) -> str:
        """The settings, as torch prints them."""
        return f"fanout={self.fanout:g}, rounding={self.rounding}"
