"""Rasters for training that do not lean on what a time step sums: the chip takes one event after the other."""

from __future__ import annotations

import torch
from torch import Tensor

from nirdynap.errors import BAD_RASTER, InputError, raise_errors
from nirdynap.ir.arguments import wrong
from nirdynap.ir.units import is_positive
from nirdynap.nn.arguments import bad_option
from nirdynap.nn.counts import whole
from nirdynap.nn.seeds import Seed, bad_seed, generator_of


def single_event_steps(raster: Tensor, *, shuffle: bool = False, seed: Seed = None) -> Tensor:
    """Every event in a time step of its own, each sample's in the order of its steps.

    Nothing happens in such a step but what one event causes, so no sum over a step hides the order of events. With
    "one" spike per step the first core then does what it does in an event run. Biases are added once per step: this is
    for networks without.

    Args:
        raster: non-negative whole counts [time, batch, channel, y, x].
        shuffle: put the events of one step in random order; default: by channel, y, x, as `Events.from_raster`.
        seed: of that order: an int, for the same in every call, a torch.Generator on the CPU, or None for torch's own.

    Returns:
        Counts of 0 and 1, float32 [most events of a sample, batch, channel, y, x]; shorter samples end in silence.

    Raises:
        InputError: ND504 for a bad raster, ND507 for a bad seed, ND513 for what is no tensor.

    Example:
        >>> single_event_steps(torch.tensor([2, 0, 1]).reshape(3, 1, 1, 1, 1)).flatten().tolist()
        [1.0, 1.0, 1.0]
    """
    counts = _checked(raster)
    raise_errors(bad_seed(seed), InputError)
    events = _events(counts)
    if shuffle:
        events = events[torch.randperm(len(events), generator=generator_of(seed)).to(events.device)]
    for axis in (0, 1):  # by sample, then by step, then as they are
        events = events[events[:, axis].argsort(stable=True)]
    sample = events[:, 1]
    numbers = torch.bincount(sample, minlength=counts.shape[1])
    first = numbers.cumsum(0) - numbers
    events[:, 0] = torch.arange(len(events), device=events.device) - first[sample]
    return _raster(events, counts, int(numbers.amax()))


def jitter(raster: Tensor, steps: int, *, seed: Seed = None) -> Tensor:
    """Every event moved by up to `steps` time steps, all moves equally likely; none leaves the recording.

    Args:
        raster: non-negative whole counts [time, batch, channel, y, x].
        steps: the farthest that an event moves, earlier or later; at either end of the recording it stops.
        seed: of the moves: an int, for the same in every call, a torch.Generator on the CPU, or None for torch's own.

    Returns:
        Counts, float32 [time, batch, channel, y, x], as many as before at each address.

    Raises:
        InputError: ND504 for a bad raster, ND507 for bad `steps` or a bad seed, ND513 for what is no tensor.

    Example:
        >>> raster = torch.tensor([0, 0, 1, 0, 0]).reshape(5, 1, 1, 1, 1)
        >>> moved = jitter(raster, 1, seed=0)
        >>> moved.sum().item(), moved[1:4].sum().item()
        (1.0, 1.0)
    """
    counts = _checked(raster)
    findings = [] if is_positive(steps) else [bad_option("steps", steps, "a positive whole number of time steps")]
    raise_errors([*findings, *bad_seed(seed)], InputError)
    events = _events(counts)
    moves = torch.randint(-steps, steps + 1, (len(events),), generator=generator_of(seed))
    events[:, 0] = (events[:, 0] + moves.to(events.device)).clamp(0, len(counts) - 1)
    return _raster(events, counts, len(counts))


def _checked(raster: object) -> Tensor:
    if not isinstance(raster, Tensor):
        raise InputError([wrong("raster", raster, "a torch.Tensor", "torch.as_tensor(raster)")])
    if raster.ndim != 5 or raster.shape[1] == 0:
        found = f"shape is {tuple(raster.shape)}, expected [time, batch, channel, y, x]"
        raise InputError([BAD_RASTER.at("$.raster", value=found)])
    counts = raster.to(torch.float32)
    if not whole(counts):
        raise InputError([BAD_RASTER.at("$.raster", value="counts are not whole numbers from 0 up")])
    return counts


def _events(counts: Tensor) -> Tensor:
    """(step, sample, channel, y, x) of each event in this order, int64 [n, 5]; a count of n is n equal rows."""
    places = counts.nonzero()
    return places.repeat_interleave(counts[tuple(places.T)].to(torch.int64), dim=0)


def _raster(events: Tensor, like: Tensor, steps: int) -> Tensor:
    raster = like.new_zeros((steps, *like.shape[1:]))
    return raster.index_put_(tuple(events.T), like.new_ones(()), accumulate=True)
