"""What is said of arguments that the layers of this room cannot take."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from nirdynap.errors import BAD_RUN_OPTION, WRONG_ARGUMENT, Diagnostic, InputError
from nirdynap.ir.arguments import wrong


def bad_option(parameter: str, value: object, limit: str) -> Diagnostic:
    """ND507: `parameter` cannot be `value`."""
    shown = value if isinstance(value, int) else str(value)
    return BAD_RUN_OPTION.at(f"$.{parameter}", parameter=parameter, value=shown, limit=limit)


def is_whole(value: object, low: int) -> bool:
    """Is it a whole number, of Python or numpy, from `low` up?"""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= low)


def check_recording(given: object) -> None:
    """ND513 for what is no tensor [time, batch, ...].

    Raises:
        InputError: ND513.
    """
    due, remedy = "a tensor [time, batch, ...]", "torch.as_tensor(recording)[:, None] of a single recording [time, ...]"
    if not hasattr(given, "__torch_function__"):  # what torch takes for a tensor, as `to_nir` follows one
        raise InputError([wrong("input", given, due, remedy)])
    if isinstance(given, Tensor) and given.ndim < 2:
        raise InputError([misshapen(given, due, remedy)])


def misshapen(given: Tensor, due: str, remedy: str) -> Diagnostic:
    """ND513: a tensor of another shape is due."""
    return WRONG_ARGUMENT.at("$.input", value=f"a tensor of shape {tuple(given.shape)}", limit=due, remedy=remedy)
