"""Spike counts on tensors: what a raster must be, where counts go, and arithmetic that rounds nothing.

float32 holds every whole number up to 2**24. A convolution of counts with integer weights is a sum of products whose
partial sums, in whatever order they are added, stay within (sum of |W|) * (largest count). So as long as

    |v| + sum |W| * max count + |B| < 2**24

holds at each core and step, nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce

import torch
from torch import Tensor

from nirdynap.errors import BAD_RASTER, InputError, raise_errors
from nirdynap.ir.arguments import wrong
from nirdynap.ir.spec import Spec
from nirdynap.nn.arguments import bad_option

EXACT_BELOW = 2**24


@contextmanager
def exact_arithmetic(device: torch.device) -> Iterator[None]:
    """No tensor cores and no Winograd, which cuDNN may choose, and no automatic half precision: all of them round."""
    with torch.backends.cudnn.flags(enabled=False), torch.autocast(device.type, enabled=False):
        yield


def checked_raster(raster: object, spec: Spec, numbers: Tensor) -> Tensor:
    """The counts [time, batch, channel, y, x] in float32, on the device of a model's numbers.

    Raises:
        InputError: ND504 for a bad raster, ND507 for numbers or multiplications in another precision, ND513 for what
            is no tensor.
    """
    if not isinstance(raster, Tensor):
        remedy = "torch.as_tensor(raster); of Events, torch.as_tensor(events.to_raster(spec.input_shape))[:, None]"
        raise InputError([wrong("raster", raster, "a torch.Tensor", remedy)])
    findings = []
    if raster.ndim != 5 or tuple(raster.shape[2:]) != spec.input_shape or raster.shape[1] == 0:
        wanted = f"[time, batch, channel, y, x] with (channel, y, x) = {spec.input_shape}"
        findings.append(BAD_RASTER.at("$.raster", value=f"shape is {tuple(raster.shape)}, expected {wanted}"))
    counts = raster.to(numbers.device, torch.float32)
    if not whole(counts):
        findings.append(BAD_RASTER.at("$.raster", value="counts are not whole numbers from 0 up"))
    if numbers.dtype != torch.float32:
        findings.append(bad_option("dtype", numbers.dtype, "torch.float32"))
    if torch.get_float32_matmul_precision() != "highest":
        findings.append(bad_option("float32_matmul_precision", torch.get_float32_matmul_precision(), "highest"))
    raise_errors(findings, InputError)
    return counts


def whole(counts: Tensor) -> bool:
    """Are all of them whole numbers from 0 up?"""
    return bool((torch.isfinite(counts) & (counts >= 0) & (counts == counts.floor())).all())


def pool(counts: Tensor, pooling: int) -> Tensor:
    """Exact sums over windows; remainder rows and columns are left out."""
    if pooling == 1:
        return counts
    *front, height, width = counts.shape
    rows, columns = height // pooling, width // pooling
    inside = counts[..., : rows * pooling, : columns * pooling]
    # One addition after the other: three times as fast as torch's sum over two axes that are not side by side.
    down = reduce(torch.add, inside.reshape(*front, rows, pooling, columns * pooling).unbind(-2))
    return reduce(torch.add, down.reshape(*front, rows, columns, pooling).unbind(-1))


def place(counts: Tensor, feature_shift: int, target: Tensor) -> None:
    """Add counts to a target's input at (0, 0), channels moved up; what lies outside is dropped."""
    channels, height, width = target.shape[-3:]
    part = counts[..., : max(0, channels - feature_shift), :height, :width]
    channels, height, width = part.shape[-3:]
    target[..., feature_shift : feature_shift + channels, :height, :width] += part


def decimate(spikes: Tensor, phases: Tensor, every: int) -> tuple[Tensor, Tensor]:
    """Every Nth of the spikes [batch, c, y, x], counted per sample in this order, and the counters int64 [batch]."""
    counts = spikes.flatten(1).to(torch.int64)
    total = phases[:, None] + counts.cumsum(dim=1)
    passed = total // every - (total - counts) // every
    return passed.reshape(spikes.shape).to(spikes), total[:, -1] % every
