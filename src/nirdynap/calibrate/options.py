"""What the caller says of a calibration."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass

import numpy as np

from nirdynap.errors import BAD_OPTION, Diagnostic, in_words
from nirdynap.ir.units import is_positive
from nirdynap.sim.protocol import Progress, Recording


@dataclass(frozen=True, slots=True, eq=False)
class Calibrate:
    """Integers chosen by what neurons do on recordings: `nir_to_dynapcnn(..., discretize=Calibrate(samples))`.

    Attributes:
        samples: one Events, several, or counts [time, channel, y, x] or [time, batch, channel, y, x], as in
            `nirdynap.simulate`; or the path of a file of them. With `dvs` they are the camera's.
        budget_s: seconds after which no further candidate is tried; `spec.notes` then says what was left out. Where
            they are enough, the same recordings give the same integers on every machine.
        rounding: weights are also rounded up or down by what they do to a neuron's input on the recordings.
        dt_us: length of a time step in microseconds; default: the file's, or 1000.
        duration_us: length of event recordings in microseconds; default: the file's, or up to the last event.
        bias_clock_us: period at which biases are added, in microseconds; default: the slow clock, or else `dt_us`.
        progress: called with (candidates tried, candidates in all).

    Example:
        >>> import nirdynap, numpy as np
        >>> from nirdynap.shipped import shipped
        >>> test = np.load(shipped("digits", "digits_test.npz"))
        >>> first = slice(test["start"][1])
        >>> events = nirdynap.Events(**{name: test[name][first] for name in ("t", "c", "y", "x")})
        >>> spec = nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"), discretize=nirdynap.Calibrate(events))
        >>> {core.quantisation.rule for core in spec.cores}
        {'calibrated'}
    """

    samples: Recording | str | os.PathLike[str]
    _: KW_ONLY
    budget_s: float = 60.0
    rounding: bool = True
    dt_us: int | None = None
    duration_us: int | None = None
    bias_clock_us: int | None = None
    progress: Progress | None = None


def option_findings(options: Calibrate) -> Iterator[Diagnostic]:
    """ND126 for what is checked nowhere else; 1 is not True here."""
    budget: object = options.budget_s
    if isinstance(budget, bool) or not isinstance(budget, (int, float, np.number)) or not 0 < budget < math.inf:
        yield _bad("budget_s", budget, "a positive number of seconds")
    rounding: object = options.rounding
    if not isinstance(rounding, bool):
        yield _bad("rounding", rounding, "True or False")
    if options.bias_clock_us is not None and not is_positive(options.bias_clock_us):
        yield _bad("bias_clock_us", options.bias_clock_us, "a positive whole number of microseconds, or None")


def _bad(name: str, value: object, limit: str) -> Diagnostic:
    return BAD_OPTION.at(f"$.discretize.{name}", parameter=name, value=in_words(value), limit=limit)
