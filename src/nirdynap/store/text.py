"""JSON text that a person can read and a line-by-line comparison can show."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from nirdynap.errors import NOT_A_SPEC, StoreError


def to_text(document: dict[str, Any]) -> str:
    """`document` with sorted keys, one record or list of numbers a line; numpy arrays one output channel a line."""
    return _lay_out(document, "") + "\n"


def from_text(data: bytes, place: str) -> object:
    """The document in UTF-8 JSON.

    Raises:
        StoreError: ND601 when it is none.
    """
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise StoreError([NOT_A_SPEC.at(place, value=f"not JSON: {error}")]) from None


def _lay_out(value: object, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{json.dumps(key)}: {_lay_out(part, inner)}" for key, part in sorted(value.items())]
        return _between("{", lines, indent + "}")
    if isinstance(value, np.ndarray) and value.ndim > 1:
        return _between("[", [inner + json.dumps(row.tolist(), separators=(",", ":")) for row in value], indent + "]")
    if isinstance(value, np.ndarray):
        return json.dumps(value.tolist(), separators=(",", ":"))
    if isinstance(value, list) and any(isinstance(part, (dict, list)) for part in value):
        return _between("[", [inner + _lay_out(part, inner) for part in value], indent + "]")
    return json.dumps(value, allow_nan=False)


def _between(opening: str, lines: list[str], closing: str) -> str:
    return "\n".join([opening, ",\n".join(lines), closing])
