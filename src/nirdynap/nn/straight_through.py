"""Steps that have no slope, with the gradients that training takes instead: rounding, and neurons that fire."""

from __future__ import annotations

from typing import Any, NamedTuple, cast, final

import torch
from torch import Tensor

from nirdynap.ir.units import INT16_MAX, INT16_MIN

SMALL = 16
"""Weights up to here are drawn to zero where synaptic operations cost something: an eighth of what 8 bits hold."""


class Firing(NamedTuple):
    """When the neurons of a core fire: its thresholds, whether they go to zero, and whether a step can hold many."""

    high: int
    low: int
    return_to_zero: bool
    many: bool


def rounded(values: Tensor, scale: Tensor, low: int, high: int) -> Tensor:
    """``round(values * scale)``, half to even, within low and high: the chip's integers, in float32.

    The gradient passes as if nothing were rounded, but where it would lead further out of the range.
    """
    return cast(Tensor, _Rounded.apply(values, scale, low, high))  # type: ignore[no-untyped-call]


def nonzero(integers: Tensor) -> Tensor:
    """1 where an integer is not zero, else 0. The gradient is that of min(|integer| / SMALL, 1)."""
    smooth = (integers.abs() / SMALL).clamp(max=1)
    return (integers != 0).to(integers) + (smooth - smooth.detach())


def fired(currents: Tensor, initial: Tensor, firing: Firing) -> tuple[Tensor, Tensor]:
    """Spikes [time, batch, c, y, x] of currents of that shape, and the membranes behind the last step.

    Forward these are the integers of docs/semantics.md, section Clocked run. Backward, a spike count n of a membrane v
    (before the reset) has the slope

        dn / dv = 1 / threshold / (1 + 4 |v / threshold - 1|)**2,

    a peak at the threshold; the reset is a constant, and a membrane that went to zero forgets what was before; nothing
    passes where v was cut off, at 16 bits or at the lower bound.
    """
    return cast("tuple[Tensor, Tensor]", _Fired.apply(currents, initial, firing))  # type: ignore[no-untyped-call]


@final
class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, scale: Tensor, low: int, high: int) -> Tensor:
        scaled = values * scale
        whole = scaled.round().clamp(low, high)
        ctx.save_for_backward(scaled - whole, scale)
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        beyond, scale = ctx.saved_tensors
        outward = (beyond.abs() > 0.5) & (beyond * gradient < 0)  # descent goes against the gradient
        return (gradient * scale).masked_fill(outward, 0), None, None, None


@final
class _Fired(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, currents: Tensor, initial: Tensor, firing: Firing) -> tuple[Tensor, Tensor]:
        sums, spikes = torch.empty_like(currents), torch.empty_like(currents)
        most = None if firing.many else 1
        u = initial.clone()
        for step, current in enumerate(currents):
            v = torch.add(u, current, out=sums[step]).clamp(INT16_MIN, INT16_MAX)
            # Below 2**15 a quotient that is no whole number is further from the next one than float32 rounds.
            n = torch.div(v, firing.high, out=spikes[step]).floor_().clamp_(0, most)
            u = v.masked_fill_(n > 0, 0) if firing.return_to_zero else torch.sub(v, n, alpha=firing.high, out=v)
            u.clamp_(min=firing.low)
        ctx.save_for_backward(sums)
        ctx.firing = firing
        ctx.mark_non_differentiable(u)
        return spikes, u

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        (sums,) = ctx.saved_tensors
        firing: Firing = ctx.firing
        flow = torch.empty_like(gradient)
        later = torch.zeros_like(gradient[0]) if len(gradient) else gradient
        for step in reversed(range(len(gradient))):  # step by step: what is at hand then fits the processor's cache
            v = sums[step]
            slope = (v / firing.high).sub_(1).abs_().mul_(4).add_(1).square_().mul_(firing.high).reciprocal_()
            if firing.return_to_zero:
                later = later.masked_fill(v >= firing.high, 0)
            whole = (v >= firing.low).logical_and_(v <= INT16_MAX)
            later = torch.addcmul(later, gradient[step], slope, out=flow[step]).mul_(whole)
        return flow, None, None
