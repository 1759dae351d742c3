"""Max pooling of spikes: for simulation only, since the chip's pools sum."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from nirdynap.errors import InputError
from nirdynap.nn.arguments import bad_option, is_whole, misshapen


@final
class SpikingMaxPool2d(nn.Module):
    """Of each window, the spikes of the neuron that has fired most so far; remainder rows and columns are left out.

    In each step the window's leaders are the neurons whose count of spikes, this step's included, is the largest. What
    the leaders fire in this step passes (the most that one of them fires), what others fire does not. So a neuron that
    draws level with a leader passes, too, and a window can pass more spikes than any of its neurons fired. Gradients
    flow to what passed; the comparison of counts has none.

    No chip of this family can do it: `nirdynap.to_nir` refuses it (ND802).

    Attributes:
        counts: spikes of each neuron so far [batch, channel, y, x]; they live on from call to call until
            `reset_states`. None before the first call.

    Args:
        kernel_size: side of the windows, which do not overlap, or (y, x).

    Raises:
        InputError: ND507 for a size below 1.

    Example:
        >>> spikes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 1.0]]).reshape(4, 1, 1, 1, 2)
        >>> SpikingMaxPool2d((1, 2))(spikes).flatten()
        tensor([1., 1., 1., 1.])
    """

    counts: Tensor | None

    def __init__(self, kernel_size: int | tuple[int, int]) -> None:
        super().__init__()
        sides = kernel_size if isinstance(kernel_size, (list, tuple)) else (kernel_size, kernel_size)
        if len(sides) != 2 or not all(is_whole(side, 1) for side in sides):
            raise InputError([bad_option("kernel_size", kernel_size, "a whole number from 1 up, or two of them")])
        self._sides = sides
        self.kernel_size = kernel_size
        self.register_buffer("counts", None, persistent=False)

    def reset_states(self) -> None:
        """Forget the counts."""
        self.counts = None

    def forward(self, spikes: Tensor) -> Tensor:
        """What passes of spikes [time, batch, channel, y, x]: [time, batch, channel, y // kernel_y, x // kernel_x].

        Raises:
            InputError: ND513 for other axes; ND507 for a batch or map of another size than that of the counts kept.
        """
        if spikes.ndim != 5:
            due = "a tensor [time, batch, channel, y, x]"
            raise InputError([misshapen(spikes, due, "all steps at once, and outside of OverTime")])
        kept = torch.zeros_like(spikes.detach()[:1].sum(dim=0)) if self.counts is None else self.counts
        if kept.shape != spikes.shape[1:]:
            limit = f"{tuple(kept.shape)} as before; reset_states() forgets the counts"
            raise InputError([bad_option("input", tuple(spikes.shape[1:]), limit)])
        counts = kept + spikes.detach().cumsum(dim=0)
        self.counts = counts[-1] if len(counts) else kept
        so_far, fired = self._windows(counts), self._windows(spikes)
        leads = so_far == so_far.amax(dim=(-3, -1), keepdim=True)
        return (fired * leads).amax(dim=(-3, -1))

    def _windows(self, maps: Tensor) -> Tensor:
        """[..., rows, kernel_y, columns, kernel_x] of [..., y, x]."""
        (tall, wide), (height, width) = self._sides, maps.shape[-2:]
        rows, columns = height // tall, width // wide
        whole = maps[..., : rows * tall, : columns * wide]
        return whole.reshape(*maps.shape[:-2], rows, tall, columns, wide)

    def extra_repr(self) -> str:
        """The window, as torch prints it."""
        return f"kernel_size={self.kernel_size}"
