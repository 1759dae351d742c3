"""Recordings to calibrate on, as the command line names them, and a bar while that takes its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nirdynap.cli.progress import progress
from nirdynap.errors import BAD_OPTION, CompileError

if TYPE_CHECKING:
    from nirdynap.calibrate.options import Calibrate
    from nirdynap.cli.options import Lowering


def calibration(file: str, budget: float | None, rule: str | None) -> Calibrate:
    """What --calibrate and --calibrate-budget say.

    Raises:
        CompileError: ND126 if another rule is given as well.
    """
    if rule is not None:
        limit = "one rule: --discretize or --calibrate"
        raise CompileError([BAD_OPTION.at("$.discretize", parameter="discretize", value=rule, limit=limit)])
    from nirdynap.calibrate.options import Calibrate

    return Calibrate(file) if budget is None else Calibrate(file, budget_s=budget)


@contextmanager
def lowering_options(lowering: Lowering) -> Iterator[dict[str, Any]]:
    """The arguments of `nirdynap.nir_to_dynapcnn`; if that calibrates on recordings, it is to be seen how far it is."""
    options = lowering.given()
    if lowering.calibrate is None:
        yield options
        return
    with progress("calibrating, candidates") as tell:
        yield {**options, "discretize": replace(options["discretize"], progress=tell)}
