"""What is said of arguments that the layers of this room cannot take."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from nirdynap.errors import BAD_RUN_OPTION, WRONG_ARGUMENT, Diagnostic


def bad_option(parameter: str, value: object, limit: str) -> Diagnostic:
    """ND507: `parameter` cannot be `value`."""
    shown = value if isinstance(value, int) else str(value)
    return BAD_RUN_OPTION.at(f"$.{parameter}", parameter=parameter, value=shown, limit=limit)


def is_whole(value: object, low: int) -> bool:
    """Is it a whole number, of Python or numpy, from `low` up?"""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= low)


def misshapen(given: Tensor, due: str, remedy: str) -> Diagnostic:
    """ND513: a tensor of another shape is due."""
    return WRONG_ARGUMENT.at("$.input", value=f"a tensor of shape {tuple(given.shape)}", limit=due, remedy=remedy)
