"""Checks of run options that both simulators share."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from nirdynap.errors import BAD_RUN_OPTION, EXTRA_MISSING, Diagnostic, InputError


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


def load_kernels() -> ModuleType:
    """The compiled loops. Numba takes long to import, so it is not imported before something runs.

    Raises:
        InputError: ND901 if Numba is not installed.
    """
    try:
        from nirdynap.sim import kernels
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise InputError([EXTRA_MISSING.at("$.simulate", value="numba", limit="sim")]) from None
    return kernels
