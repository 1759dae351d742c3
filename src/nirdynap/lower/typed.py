"""Whether every field of a finished spec holds what its class declares; what is asked further relies on it."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from nirdynap.errors import WRONG_TYPE, Diagnostic
from nirdynap.ir.arguments import described
from nirdynap.ir.spec import Spec

_NUMBERS: dict[Any, tuple[tuple[type, ...], str]] = {
    int: ((int, np.integer), "a whole number"),
    float: ((int, float, np.integer, np.floating), "a number"),
}
_PLAIN: dict[Any, tuple[tuple[type, ...], str]] = {
    bool: ((bool, np.bool_), "True or False"),
    str: ((str,), "a text"),
    np.ndarray: ((np.ndarray,), "a numpy array"),
    type(None): ((type(None),), "None"),
}


def fields_hold_what_they_should(spec: Spec) -> Iterator[Diagnostic]:
    """ND663 for each field of the spec, of its cores and of their parts whose type is another."""
    yield from _fields("$", spec)


def _fields(path: str, record: Any) -> Iterator[Diagnostic]:
    for name, hint in _hints(record.__class__).items():
        yield from _wrong(f"{path}.{name}", name, getattr(record, name), hint)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _wrong(path: str, name: str, value: Any, hint: Any) -> Iterator[Diagnostic]:
    if _mistaken(value, hint):
        yield WRONG_TYPE.at(path, parameter=name, value=_shown(value), limit=_due(hint))
    elif get_origin(hint) is tuple:
        for i, (part, inner) in enumerate(zip(value, _inner(hint, len(value)), strict=True)):
            yield from _wrong(f"{path}[{i}]", f"{name}[{i}]", part, inner)
    elif dataclasses.is_dataclass(value) or hasattr(value, "_fields"):
        yield from _fields(path, value)


def _mistaken(value: Any, hint: Any) -> bool:
    """Is it another thing than declared, whatever is inside?"""
    origin = get_origin(hint)
    if origin is Literal:
        return not (isinstance(value, str) and value in get_args(hint))
    if origin in (Union, types.UnionType):
        return all(_mistaken(value, choice) for choice in get_args(hint))
    if origin is tuple:
        return type(value) is not tuple or len(_inner(hint, len(value))) != len(value)
    if hint in _NUMBERS:
        return isinstance(value, bool) or not isinstance(value, _NUMBERS[hint][0])
    plain = _PLAIN.get(origin or hint)
    return not isinstance(value, hint if plain is None else plain[0])


def _inner(hint: Any, length: int) -> tuple[Any, ...]:
    """What the elements of a tuple are: one kind for all, or one for each."""
    inner = get_args(hint)
    return inner[:1] * length if inner[-1] is ... else inner


def _due(hint: Any) -> str:
    """What is declared, in words."""
    origin = get_origin(hint)
    if origin is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if origin in (Union, types.UnionType):
        return " or ".join(_due(choice) for choice in get_args(hint))
    if origin is tuple:
        inner = get_args(hint)
        if inner[-1] is ...:
            return f"a tuple, each of its elements {_due(inner[0])}"
        return f"a tuple of {len(inner)}, each of them {_due(inner[0])}"
    known = {**_NUMBERS, **_PLAIN}.get(origin or hint)
    if known is not None:
        return known[1]
    return f"{'an' if hint.__name__[0] in 'AEIO' else 'a'} {hint.__name__}"


def _shown(value: object) -> str:
    """The value itself where it is short, else what it is."""
    return repr(value) if isinstance(value, (str, tuple, list)) and len(repr(value)) < 40 else described(value)
