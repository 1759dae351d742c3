"""Layers that say what maps a network takes, and which part of them."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from nirdynap.errors import InputError
from nirdynap.nn.arguments import bad_option, is_whole, misshapen


@final
class Crop2d(nn.Module):
    """Cuts rows and columns off the edges of [..., y, x].

    In a graph it is a convolution whose one tap moves the map, since NIR has no node for it. Behind the input the
    chip's camera layer does it, with ``dvs=DvsOptions()`` (docs/camera.md). Elsewhere it becomes one with a convolution
    without padding behind it, whose kernel grows by the crop; in front of anything else it is refused (ND206, ND230).

    Args:
        cropping: ((top, bottom), (left, right)), whole numbers from 0 up.

    Raises:
        InputError: ND507 for anything else.

    Example:
        >>> import torch
        >>> Crop2d(((1, 0), (2, 3)))(torch.arange(21).reshape(3, 7)).tolist()
        [[9, 10], [16, 17]]
    """

    def __init__(self, cropping: tuple[tuple[int, int], tuple[int, int]]) -> None:
        super().__init__()
        pairs = [c for c in cropping if isinstance(c, (list, tuple))] if isinstance(cropping, (list, tuple)) else []
        sides = [side for pair in pairs for side in pair]
        if [len(pair) for pair in pairs] != [2, 2] or not all(is_whole(side, 0) for side in sides):
            limit = "((top, bottom), (left, right)), whole numbers from 0 up"
            raise InputError([bad_option("cropping", cropping, limit)])
        self.top, self.bottom, self.left, self.right = map(int, sides)

    def forward(self, maps: Tensor) -> Tensor:
        """The part [..., y - top - bottom, x - left - right] that stays.

        Raises:
            InputError: ND513 for maps of which nothing stays.
        """
        rows, columns = maps.shape[-2] - self.bottom, maps.shape[-1] - self.right
        if rows <= self.top or columns <= self.left:
            due = f"maps of more than {self.top + self.bottom} x {self.left + self.right} pixels"
            raise InputError([misshapen(maps, due, "larger maps, or a smaller crop")])
        return maps[..., self.top : rows, self.left : columns]

    def extra_repr(self) -> str:
        """The crop, as torch prints it."""
        return f"(({self.top}, {self.bottom}), ({self.left}, {self.right}))"


@final
class InputPlaceholder(nn.Module):
    """Says what a network takes, checks that it is given that, and hands it on.

    Args:
        shape: (C, H, W) or (N,), the axes behind time and batch.

    Raises:
        InputError: ND507 for anything else.

    Example:
        >>> import torch
        >>> InputPlaceholder((2, 34, 34))(torch.zeros(100, 1, 2, 34, 34)).shape
        torch.Size([100, 1, 2, 34, 34])
    """

    def __init__(self, shape: tuple[int, int, int] | tuple[int]) -> None:
        super().__init__()
        sizes = tuple(shape) if isinstance(shape, (list, tuple)) else ()
        if len(sizes) not in (1, 3) or not all(is_whole(size, 1) for size in sizes):
            raise InputError([bad_option("shape", shape, "(C, H, W) or (N,), whole numbers from 1 up")])
        self.shape = tuple(map(int, sizes))

    def forward(self, x: Tensor) -> Tensor:
        """The same tensor, [..., C, H, W] or [..., N].

        Raises:
            InputError: ND513 for another shape.
        """
        if tuple(x.shape[-len(self.shape) :]) != self.shape:
            due = f"[time, batch, {', '.join(map(str, self.shape))}]"
            raise InputError([misshapen(x, due, "the shape that the network was built for, time and batch first")])
        return x

    def extra_repr(self) -> str:
        """The shape, as torch prints it."""
        return str(self.shape)
