"""Checks of run options that both simulators share."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from nirdynap.errors import BAD_RUN_OPTION, EXTRA_MISSING, Diagnostic, InputError
from nirdynap.ir.units import is_positive


def check_choice(parameter: str, value: object, choices: tuple[object, ...]) -> Iterator[Diagnostic]:
    """ND507 if `value` is not one of `choices`; 1 is not True here."""
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        limit = ", ".join(str(choice) for choice in choices)
        yield BAD_RUN_OPTION.at(f"$.{parameter}", parameter=parameter, value=str(value), limit=limit)


def check_record(record: object) -> Iterator[Diagnostic]:
    """ND507 if it is not a choice of what to record."""
    yield from check_choice("record", record, ("outputs", "all"))


def check_batch(given: int, kept: int) -> Iterator[Diagnostic]:
    """ND507 if the states kept from the last run are those of another number of samples."""
    if given != kept:
        limit = f"{kept}, whose states are kept; reset_states() forgets them"
        yield BAD_RUN_OPTION.at("$.recording", parameter="samples", value=given, limit=limit)


def check_threads(threads: object) -> Iterator[Diagnostic]:
    """ND507 if it is not a number of threads."""
    if threads is not None and not is_positive(threads):
        limit = "a positive whole number, or None for one for each core of the machine"
        yield BAD_RUN_OPTION.at("$.threads", parameter="threads", value=str(threads), limit=limit)


def instruction_set() -> str:
    """What the simulators run on here: "avx512" or "avx2" (vectors), or "plain" (one number at a time).

    Raises:
        InputError: ND901 if Numba is not installed.
    """
    found: str = load_kernels("machine").instruction_set()
    return found


def load_kernels(name: str) -> ModuleType:
    """A module of compiled loops. Numba takes long to import, so it is not imported before something runs.

    Raises:
        InputError: ND901 if Numba is not installed.
    """
    try:
        import_module("nirdynap.sim.kernels.compiling")
        return import_module(f"nirdynap.sim.kernels.{name}")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("numba"):
            raise
        raise InputError([EXTRA_MISSING.at("$.simulate", value="numba", limit="sim")]) from None
