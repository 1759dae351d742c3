"""Layers for networks that mean in torch exactly what the chip does (docs/semantics.md, section Clocked run).

They take whole recordings, time first: [time, batch, ...]. Torch's own layers know no time; `OverTime` lends them to
each step. `nirdynap.to_nir` turns a network of these and torch's own layers into a proven graph.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nirdynap.errors import WRONG_ARGUMENT, InputError, raise_errors
from nirdynap.ir.convention import Reset, SpikesPerStep
from nirdynap.nn.arguments import bad_option, check_recording, is_whole
from nirdynap.nn.max_pooling import SpikingMaxPool2d
from nirdynap.nn.rounding import NeuromorphicReLU, straight_through


@final
class IntegrateAndFire(nn.Module):
    """Neurons without leak: integrate the step's input, fire (also at v == threshold) and reset, then the lower bound.

    Spikes are stairs, which are flat nearly everywhere. Backward, with v the membrane that a step decides on, this is
    the window rule of sinabs' older layers:

        d spikes / d v = 1 / threshold   where v >= threshold - window,   else 0.

    1 / threshold is the mean slope of the stairs v // threshold, and the window says how far below the first of them it
    begins. For one spike per step the rule is the same, although there is but one stair.

    Attributes:
        v: membranes [batch, ...] behind the last step, None before the first. They live on from call to call until
            `reset_states`; the next call takes them as numbers, without their gradients, unless `keep_graph`.

    Args:
        threshold: a positive number, or a tensor that spreads to the neurons' shape, such as [channel, 1, 1].
        v_min: lower bound of the membrane, a number <= 0, or None for no bound.
        reset: "subtract" an amount for each spike, or go to "zero".
        subtract: that amount, as `threshold`; None is the threshold, and all that the chip can do.
        spikes_per_step: can a neuron fire several times in a time step ("many") or once ("one").
        window: of the gradient, in units of the membrane, a number >= 0; None is the threshold: v >= 0.
        keep_graph: do gradients flow into earlier calls, as a loop over time that calls for each step needs it?
            `reset_states` then has to come before the first call behind each `backward`.

    Raises:
        InputError: ND507 for each argument that cannot be.

    Example:
        >>> neurons = IntegrateAndFire(threshold=1.0)
        >>> neurons(torch.tensor([0.5, 2.75, 0.0]).reshape(3, 1, 1)).flatten()
        tensor([0., 3., 0.])
    """

    threshold: Tensor
    subtract: Tensor | None
    v: Tensor | None

    def __init__(
        self,
        threshold: float | Tensor = 1.0,
        *,
        v_min: float | None = None,
        reset: Reset = "subtract",
        subtract: float | Tensor | None = None,
        spikes_per_step: SpikesPerStep = "many",
        window: float | None = None,
        keep_graph: bool = False,
    ) -> None:
        super().__init__()
        limits, amount = (
            _constant("threshold", threshold),
            None if subtract is None else _constant("subtract", subtract),
        )
        fits = amount is None or (reset == "subtract" and _positive(amount))
        findings = [
            bad_option(name, value, limit)
            for name, value, limit, right in (
                ("threshold", threshold, "positive numbers", _positive(limits)),
                ("v_min", v_min, "None or a number <= 0", v_min is None or -float("inf") < v_min <= 0),
                ("reset", reset, "subtract, zero", reset in ("subtract", "zero")),
                ("subtract", subtract, 'None; positive numbers with reset="subtract"', fits),
                ("spikes_per_step", spikes_per_step, "one, many", spikes_per_step in ("one", "many")),
                ("window", window, "None or a number >= 0", window is None or window >= 0),
            )
            if not right
        ]
        raise_errors(findings, InputError)
        self.register_buffer("threshold", limits)
        self.register_buffer("subtract", amount)
        self.register_buffer("v", None, persistent=False)
        self.v_min, self.reset, self.spikes_per_step = v_min, reset, spikes_per_step
        self.window, self.keep_graph = window, keep_graph

    def reset_states(self) -> None:
        """Forget the membranes: the next call starts at zero."""
        self.v = None

    def forward(self, currents: Tensor) -> Tensor:
        """Spikes [time, batch, ...] of currents of that shape.

        Raises:
            InputError: ND507 for a batch or map of another size than that of the membranes kept, ND513 for what is no
                tensor with time and batch.
        """
        check_recording(currents)
        v = currents.new_zeros(currents.shape[1:]) if self.v is None else self.v
        v = v if self.keep_graph else v.detach()
        if v.shape != currents.shape[1:]:
            limit = f"{tuple(v.shape)} as before; reset_states() forgets the membranes"
            raise InputError([bad_option("input", tuple(currents.shape[1:]), limit)])
        amount = self.threshold if self.subtract is None else self.subtract
        spikes = []
        for current in currents:
            v = v + current
            n = self._fired(v)
            v = v * (n == 0) if self.reset == "zero" else v - n * amount
            v = v if self.v_min is None else v.clamp(min=self.v_min)
            spikes.append(n)
        self.v = v
        return torch.stack(spikes) if spikes else torch.zeros_like(currents)

    def _fired(self, v: Tensor) -> Tensor:
        near = v >= (0 if self.window is None else self.threshold - self.window)
        ratio = v / self.threshold
        n = ratio.clamp(min=0).floor() if self.spikes_per_step == "many" else (v >= self.threshold).to(v)
        return straight_through(n, near * ratio)

    def extra_repr(self) -> str:
        """The settings, as torch prints them."""
        words = f"threshold={_brief(self.threshold)}, v_min={self.v_min}, reset={self.reset}"
        words += "" if self.subtract is None else f", subtract={_brief(self.subtract)}"
        words += f", spikes_per_step={self.spikes_per_step}"
        words += "" if self.window is None else f", window={self.window}"
        return words + (", keep_graph=True" if self.keep_graph else "")


@final
class SumPool2d(nn.Module):
    """Sums over windows of [..., y, x] without overlap; remainder rows and columns are left out.

    Args:
        kernel_size: side of the window, or (y, x).

    Raises:
        InputError: ND507 for anything else.

    Example:
        >>> SumPool2d(2)(torch.ones(1, 1, 1, 3, 5)).shape
        torch.Size([1, 1, 1, 1, 2])
    """

    def __init__(self, kernel_size: int | tuple[int, int]) -> None:
        super().__init__()
        sides = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        if len(sides) != 2 or not all(is_whole(side, 1) for side in sides):
            raise InputError([bad_option("kernel_size", kernel_size, "a whole number from 1 up, or two (y, x)")])
        self.kernel_size = sides

    def forward(self, counts: Tensor) -> Tensor:
        """The sums: whole numbers stay exact, which a mean times the window's size would not promise."""
        maps = counts.reshape(-1, 1, *counts.shape[-2:])
        sums = functional.avg_pool2d(maps, self.kernel_size, divisor_override=1)
        return sums.reshape(*counts.shape[:-2], *sums.shape[-2:])

    def extra_repr(self) -> str:
        """The window, as torch prints it."""
        return f"kernel_size={self.kernel_size}"


@final
class OverTime(nn.Sequential):
    """Torch layers that know no time, applied to each step: [time, batch, ...] in and out.

    Raises:
        InputError: ND513 for layers that know time themselves, and for what is no tensor with time and batch.

    Example:
        >>> OverTime(nn.Conv2d(2, 8, 3), nn.AvgPool2d(2))(torch.zeros(10, 1, 2, 34, 34)).shape
        torch.Size([10, 1, 8, 16, 16])
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        for layer in self.modules():
            if isinstance(layer, (IntegrateAndFire, SpikingMaxPool2d)):
                value, remedy = type(layer).__name__, "it behind OverTime, which would take each step for a sample"
                raise InputError(
                    [WRONG_ARGUMENT.at("$.layers", value=value, limit="a layer without time", remedy=remedy)]
                )

    def forward(self, x: Tensor) -> Tensor:
        """The layers' output for each step; time is folded into the batch on the way."""
        check_recording(x)
        folded = x.flatten(0, 1)
        for layer in self:
            folded = layer(folded)
        return folded.reshape(*x.shape[:2], *folded.shape[1:])


def reset_states(model: nn.Module) -> None:
    """Forget what every layer of this room in `model` keeps, as between two recordings: membranes, counts, activity."""
    for module in model.modules():
        if isinstance(module, (IntegrateAndFire, SpikingMaxPool2d, NeuromorphicReLU)):
            module.reset_states()


def _constant(name: str, values: float | Tensor) -> Tensor:
    try:
        return torch.as_tensor(values, dtype=torch.get_default_dtype()).detach().clone()
    except (TypeError, ValueError, RuntimeError):
        raise InputError([bad_option(name, values, "positive numbers")]) from None


def _positive(values: Tensor) -> bool:
    return bool(((values > 0) & values.isfinite()).all())


def _brief(values: Tensor) -> str:
    return f"{values.item():g}" if values.numel() == 1 else str(tuple(values.shape))
