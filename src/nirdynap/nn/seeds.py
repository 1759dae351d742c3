"""Where random layers draw from."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch

from nirdynap.errors import Diagnostic
from nirdynap.nn.arguments import bad_option

Seed: TypeAlias = int | torch.Generator | None
"""An int: the same numbers in every call. A generator: goes on from call to call. None: torch's own generator."""


def bad_seed(seed: object) -> list[Diagnostic]:
    """ND507 for what is no seed."""
    if seed is None or isinstance(seed, torch.Generator) or (isinstance(seed, int | np.integer) and 0 <= seed < 2**64):
        return []
    return [bad_option("seed", seed, "a whole number from 0 to 2**64 - 1, a torch.Generator, or None")]


def generator_of(seed: Seed) -> torch.Generator:
    """The generator to draw from; on the CPU for ints and None, so that every device is given the same numbers."""
    if isinstance(seed, torch.Generator):
        return seed
    return torch.default_generator if seed is None else torch.Generator().manual_seed(int(seed))
