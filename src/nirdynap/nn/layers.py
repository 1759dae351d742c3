"""Layers for networks that mean in torch exactly what the chip does (docs/semantics.md, section Clocked run).

They take whole recordings, time first: [time, batch, ...]. Torch's own layers know no time; `OverTime` lends them to
each step. `nirdynap.to_nir` turns a network of these and torch's own layers into a proven graph.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nirdynap.errors import BAD_RUN_OPTION, Diagnostic, InputError, raise_errors
from nirdynap.ir.convention import Reset, SpikesPerStep


@final
class IntegrateAndFire(nn.Module):
    """Neurons without leak: integrate the step's input, fire (also at v == threshold) and reset, then the lower bound.

    Membranes live on from call to call until `reset_states`. Gradients flow through spikes as if a neuron sent
    v / threshold of them: for v > 0 where a step can hold many, for 0 < v < 2 * threshold where it holds one.

    Args:
        threshold: a positive number, or a tensor that spreads to the neurons' shape, such as [channel, 1, 1].
        v_min: lower bound of the membrane, a number <= 0, or None for no bound.
        reset: "subtract" the threshold for each spike, or go to "zero".
        spikes_per_step: can a neuron fire several times in a time step ("many") or once ("one").

    Raises:
        InputError: ND507 for each argument that the chip has nothing for.

    Example:
        >>> neurons = IntegrateAndFire(threshold=1.0)
        >>> neurons(torch.tensor([0.5, 2.75, 0.0]).reshape(3, 1, 1)).flatten()
        tensor([0., 3., 0.])
    """

    threshold: Tensor
    v: Tensor | None

    def __init__(
        self,
        threshold: float | Tensor = 1.0,
        *,
        v_min: float | None = None,
        reset: Reset = "subtract",
        spikes_per_step: SpikesPerStep = "many",
    ) -> None:
        super().__init__()
        limits = torch.as_tensor(threshold, dtype=torch.get_default_dtype()).detach().clone()
        findings = [
            _bad_option(name, value, limit)
            for name, value, limit, right in (
                ("threshold", threshold, "positive numbers", bool((limits > 0).all() and limits.isfinite().all())),
                ("v_min", v_min, "None or a number <= 0", v_min is None or -float("inf") < v_min <= 0),
                ("reset", reset, "subtract, zero", reset in ("subtract", "zero")),
                ("spikes_per_step", spikes_per_step, "one, many", spikes_per_step in ("one", "many")),
            )
            if not right
        ]
        raise_errors(findings, InputError)
        self.register_buffer("threshold", limits)
        self.register_buffer("v", None, persistent=False)
        self.v_min, self.reset, self.spikes_per_step = v_min, reset, spikes_per_step

    def reset_states(self) -> None:
        """Forget the membranes: the next call starts at zero."""
        self.v = None

    def forward(self, currents: Tensor) -> Tensor:
        """Spikes [time, batch, ...] of currents of that shape.

        Raises:
            InputError: ND507 for a batch or map of another size than that of the membranes kept.
        """
        v = currents.new_zeros(currents.shape[1:]) if self.v is None else self.v.detach()
        if v.shape != currents.shape[1:]:
            limit = f"{tuple(v.shape)} as before; reset_states() forgets the membranes"
            raise InputError([_bad_option("input", tuple(currents.shape[1:]), limit)])
        spikes = []
        for current in currents:
            v = v + current
            n = self._fired(v)
            v = v * (n == 0) if self.reset == "zero" else v - n * self.threshold
            v = v if self.v_min is None else v.clamp(min=self.v_min)
            spikes.append(n)
        self.v = v
        return torch.stack(spikes)

    def _fired(self, v: Tensor) -> Tensor:
        ratio = v / self.threshold
        if self.spikes_per_step == "many":
            smooth = ratio.clamp(min=0)
            return _step_forward(smooth.floor(), smooth)
        return _step_forward((v >= self.threshold).to(v), ratio.clamp(0, 2))

    def extra_repr(self) -> str:
        """The settings, as torch prints them."""
        size = f"{self.threshold.item():g}" if self.threshold.numel() == 1 else tuple(self.threshold.shape)
        words = f"v_min={self.v_min}, reset={self.reset}, spikes_per_step={self.spikes_per_step}"
        return f"threshold={size}, {words}"


@final
class SumPool2d(nn.Module):
    """Sums over windows of [..., y, x] without overlap; remainder rows and columns are left out.

    Args:
        kernel_size: side of the window, or (y, x).

    Example:
        >>> SumPool2d(2)(torch.ones(1, 1, 1, 3, 5)).shape
        torch.Size([1, 1, 1, 1, 2])
    """

    def __init__(self, kernel_size: int | tuple[int, int]) -> None:
        super().__init__()
        self.kernel_size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)

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

    Example:
        >>> OverTime(nn.Conv2d(2, 8, 3), nn.AvgPool2d(2))(torch.zeros(10, 1, 2, 34, 34)).shape
        torch.Size([10, 1, 8, 16, 16])
    """

    def forward(self, x: Tensor) -> Tensor:
        """The layers' output for each step; time is folded into the batch on the way."""
        folded = x.flatten(0, 1)
        for layer in self:
            folded = layer(folded)
        return folded.reshape(*x.shape[:2], *folded.shape[1:])


def reset_states(model: nn.Module) -> None:
    """Forget the membranes of every neuron in `model`, as between two recordings."""
    for module in model.modules():
        if isinstance(module, IntegrateAndFire):
            module.reset_states()


def _step_forward(hard: Tensor, smooth: Tensor) -> Tensor:
    """`hard` forward, the gradient of `smooth` backward. The difference of equals is zero, so `hard` stays whole."""
    return hard.detach() + (smooth - smooth.detach())


def _bad_option(parameter: str, value: object, limit: str) -> Diagnostic:
    return BAD_RUN_OPTION.at(f"$.{parameter}", parameter=parameter, value=str(value), limit=limit)
