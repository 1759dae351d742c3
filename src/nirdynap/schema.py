"""Validates documents against the published schemas; the only room of the schema validator.

Two things are read more strictly than JSON Schema does, because our documents also come from TOML and from Python:
an integer has no fraction part (16.0 is none), and a number is finite (JSON has no NaN).
"""

from __future__ import annotations

import functools
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from nirdynap.shipped import shipped

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_LONGEST_MESSAGE = 160  # characters; the validator quotes whole documents and arrays otherwise


class Violation(NamedTuple):
    """One place (a path such as ``$.cores[2].kernel``) where a document departs from its schema."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def validate(document: object, schema: str) -> tuple[Violation, ...]:
    """Every violation of a document made of dicts, lists, strings, numbers, booleans and None, sorted by path.

    Args:
        document: what `json.load` or a TOML reader returns.
        schema: name of a file in schemas/ without its extension, such as "chip-v1".

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    found = ((tuple(e.absolute_path), e.message) for e in _validator(schema).iter_errors(document))
    ordered = sorted(found, key=lambda finding: ([_rank(step) for step in finding[0]], finding[1]))
    return tuple(Violation(_path(steps), _shorten(message)) for steps, message in ordered)


@functools.cache
def _validator(schema: str) -> Validator:
    # Imported here: it costs a tenth of a second, and most commands validate nothing.
    from jsonschema import Draft202012Validator, validators

    rules: dict[str, Any] = json.loads(shipped("schemas", f"{schema}.schema.json").read_text(encoding="utf-8"))
    types = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    strict = validators.extend(Draft202012Validator, type_checker=types)
    validator: Validator = strict(rules)
    return validator


def _rank(step: str | int) -> tuple[int, str]:
    """Sorts positions by number and names by letter, although a path mixes both."""
    return (step, "") if isinstance(step, int) else (-1, step)


def _is_integer(_checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker: object, value: object) -> bool:
    return _is_integer(_checker, value) or (isinstance(value, float) and math.isfinite(value))


def _path(steps: tuple[str | int, ...]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _shorten(message: str) -> str:
    if len(message) <= _LONGEST_MESSAGE:
        return message
    half = (_LONGEST_MESSAGE - 5) // 2
    return f"{message[:half]} ... {message[-half:]}"
