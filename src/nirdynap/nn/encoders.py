"""From images and signals to spikes, time first. No gradient flows back through them.

The chip takes spikes only, none of them negative. An encoder is not a part of the network that goes there: encode, then
hand the counts to `nirdynap.to_nir` or a simulator.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from nirdynap.errors import Diagnostic, InputError, raise_errors
from nirdynap.ir.arguments import wrong
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.nn.arguments import bad_option, is_whole
from nirdynap.nn.seeds import Seed, bad_seed, generator_of


class _RateEncoder(nn.Module):
    """What rate encoders share: a value x becomes spikes at |x| / norm * max_rate_hz, drawn anew in each step."""

    def __init__(
        self,
        steps: int,
        *,
        norm: float = 1.0,
        max_rate_hz: float = 1000.0,
        dt_us: int = 1000,
        spikes_per_step: SpikesPerStep = "one",
        negative: bool = False,
        seed: Seed = None,
    ) -> None:
        super().__init__()
        findings = [
            bad_option(name, value, limit)
            for name, value, limit, right in (
                ("steps", steps, "a whole number from 1 up", is_whole(steps, 1)),
                ("norm", norm, "a positive number", 0 < norm < float("inf")),
                ("max_rate_hz", max_rate_hz, "a positive number", 0 < max_rate_hz < float("inf")),
                ("dt_us", dt_us, "a whole number from 1 up", is_whole(dt_us, 1)),
                ("spikes_per_step", spikes_per_step, "one, many", spikes_per_step in ("one", "many")),
            )
            if not right
        ]
        raise_errors([*findings, *bad_seed(seed)], InputError)
        raise_errors(_too_fast(max_rate_hz, dt_us, spikes_per_step), InputError)
        self.steps, self.norm, self.max_rate_hz, self.dt_us = steps, norm, max_rate_hz, dt_us
        self.spikes_per_step, self.negative, self._seed = spikes_per_step, negative, seed

    @torch.no_grad()
    def _drawn(self, values: Tensor) -> Tensor:
        """Spikes of values [time, ...], with their signs if these are asked for."""
        largest = float(values.abs().max()) if values.numel() else 0.0
        if largest > self.norm:
            limit = f"the largest value that is to come; {largest:g} came"
            raise InputError([bad_option("norm", self.norm, limit)])
        generator = generator_of(self._seed)
        per_step = values / self.norm * (self.max_rate_hz * self.dt_us / 1e6)
        expected = (per_step.abs() if self.negative else per_step.clamp(min=0)).to(generator.device)
        if self.spikes_per_step == "many":
            spikes = torch.poisson(expected, generator)
        else:
            drawn = torch.rand(expected.shape, generator=generator, dtype=expected.dtype, device=expected.device)
            spikes = (drawn < expected).to(expected)
        spikes = spikes.to(values.device)
        return spikes * values.sign() + 0.0 if self.negative else spikes  # no -0.0

    def extra_repr(self) -> str:
        """The settings, as torch prints them."""
        words = f"steps={self.steps}, norm={self.norm:g}, max_rate_hz={self.max_rate_hz:g}, dt_us={self.dt_us}"
        return f"{words}, spikes_per_step={self.spikes_per_step}, negative={self.negative}"


@final
class ImageToSpikes(_RateEncoder):
    """An image becomes a recording: each pixel fires at |value| / norm * max_rate_hz.

    Args:
        steps: of the recording.
        norm: the value that fires at the full rate.
        max_rate_hz: the full rate, in spikes per second.
        dt_us: length of a step, in microseconds.
        spikes_per_step: "one": each step fires with probability rate * dt (Bernoulli), which cannot pass 1; "many":
            as many spikes as a Poisson process of that rate has in a step.
        negative: do negative values send spikes of -1? Otherwise they send none. Only for simulation: the chip has no
            such spikes.
        seed: an int draws the same in every call, a torch.Generator goes on from call to call, None is torch's own
            generator.

    Raises:
        InputError: ND507 for any other argument, and for a rate above one spike in a step.

    Example:
        >>> ImageToSpikes(100, norm=255, seed=0)(torch.tensor([[[[0.0, 51.0, 255.0]]]])).sum(dim=0).flatten()
        tensor([  0.,  23., 100.])
    """

    def forward(self, image: Tensor) -> Tensor:
        """Spikes [time, batch, ...] of an image [batch, ...], such as [batch, C, H, W].

        Raises:
            InputError: ND507 for values beyond norm or not finite, ND513 for no tensor.
        """
        return self._drawn(_real(image).expand(self.steps, *image.shape))


@final
class SignalToSpikes(_RateEncoder):
    """A signal becomes spikes: for `steps` time steps, each of its values sets the rate |value| / norm * max_rate_hz.

    Args:
        steps: for each value of the signal.
        norm, max_rate_hz, dt_us, spikes_per_step, negative, seed: as for `ImageToSpikes`.

    Raises:
        InputError: ND507 for any other argument, and for a rate above one spike in a step.

    Example:
        >>> signal = torch.tensor([0.0, 1.0, 0.5]).reshape(3, 1, 1)  # [time, batch, channel]
        >>> SignalToSpikes(4, seed=0)(signal).flatten()
        tensor([0., 0., 0., 0., 1., 1., 1., 1., 1., 0., 1., 1.])
    """

    def forward(self, signal: Tensor) -> Tensor:
        """Spikes [time * steps, batch, ...] of a signal [time, batch, ...].

        Raises:
            InputError: ND507 for values beyond norm or not finite, ND513 for no tensor.
        """
        return self._drawn(_real(signal).repeat_interleave(self.steps, dim=0))


@final
class DeltaToSpikes(nn.Module):
    """A signal becomes spikes where it changes: one for each full threshold between it and the level last told.

    The first value is the first level. Nothing is drawn: the same signal gives the same spikes, and their sum up to a
    step, times the threshold, is within one threshold of how far the signal has gone. The levels of the encoder follow
    falls, too; rises and falls on channels of their own, as the chip takes them, are
    ``torch.cat([encode(signal), encode(-signal)], dim=2)``.

    Args:
        threshold: in units of the signal, a positive number.
        negative: does a fall send spikes of -1? Otherwise it sends none. Only for simulation: the chip has no such
            spikes.

    Raises:
        InputError: ND507 for another threshold.

    Example:
        >>> signal = torch.tensor([0.0, 0.5, 1.0, 3.5, 2.75, 0.0]).reshape(6, 1, 1)
        >>> DeltaToSpikes(1.0, negative=True)(signal).flatten()
        tensor([ 0.,  0.,  1.,  2.,  0., -3.])
    """

    def __init__(self, threshold: float, *, negative: bool = False) -> None:
        super().__init__()
        if not 0 < threshold < float("inf"):
            raise InputError([bad_option("threshold", threshold, "a positive number")])
        self.threshold, self.negative = threshold, negative

    @torch.no_grad()
    def forward(self, signal: Tensor) -> Tensor:
        """Spikes [time, batch, ...] of a signal of that shape; each call is a recording of its own.

        Raises:
            InputError: ND507 for values that are not finite, ND513 for no tensor.
        """
        signal = _real(signal)
        level, spikes = signal.new_zeros(signal.shape[1:]), []
        for distance in (signal - signal[:1]) / self.threshold:
            spikes.append((distance - level).trunc() + 0.0)  # no -0.0
            level = level + spikes[-1]
        told = torch.stack(spikes) if spikes else signal
        return told if self.negative else told.clamp(min=0)

    def extra_repr(self) -> str:
        """The settings, as torch prints them."""
        return f"threshold={self.threshold:g}, negative={self.negative}"


def _real(values: Tensor) -> Tensor:
    if not isinstance(values, Tensor):
        raise InputError([wrong("input", values, "a torch.Tensor", "torch.as_tensor(values)")])
    if not bool(values.isfinite().all()):
        raise InputError([bad_option("input", "a value that is infinite or NaN", "finite numbers")])
    return values if values.is_floating_point() else values.to(torch.get_default_dtype())


def _too_fast(max_rate_hz: float, dt_us: int, spikes_per_step: SpikesPerStep) -> list[Diagnostic]:
    if spikes_per_step == "many" or max_rate_hz * dt_us <= 1e6:
        return []
    limit = f'at most {1e6 / dt_us:g}, one spike in each step of {dt_us} us, or spikes_per_step="many"'
    return [bad_option("max_rate_hz", max_rate_hz, limit)]
