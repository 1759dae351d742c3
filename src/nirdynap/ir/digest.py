"""Content digests: two values are equal when their bytes are, whatever order, process or machine made them."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Generic, TypeVar, final

import numpy as np
import numpy.typing as npt

_T = TypeVar("_T")


@final
class Same(Generic[_T]):
    """A frozen value as the key of a cache, by identity: to hash a network takes as long as a short run of it."""

    __slots__ = ("value",)

    def __init__(self, value: _T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value


def frozen(array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """A read-only, C-ordered copy of `array`, in a `dtype` of its own if one is given."""
    copy = np.array(array, dtype=dtype, order="C", copy=True)
    copy.setflags(write=False)
    return copy


def digest(value: object) -> str:
    """SHA-256 (hex) over a value made of dataclasses, tuples, dicts, numbers, strings and numpy arrays."""
    state = hashlib.sha256()
    _feed(state, value)
    return state.hexdigest()


def _feed(state: hashlib._Hash, value: object) -> None:
    # Every piece carries its type and length, so that no two different values share one byte stream.
    if isinstance(value, np.ndarray):
        little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        state.update(f"array {value.dtype.kind}{value.dtype.itemsize} {value.shape};".encode())
        state.update(little.tobytes())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        state.update(f"record {type(value).__name__};".encode())
        for field in dataclasses.fields(value):
            state.update(f"{field.name}=".encode())
            _feed(state, getattr(value, field.name))
    elif isinstance(value, (tuple, list)):
        state.update(f"tuple {len(value)};".encode())
        for item in value:
            _feed(state, item)
    elif isinstance(value, dict):
        _feed(state, tuple(sorted(value.items())))
    elif isinstance(value, str):
        state.update(f"str {len(value.encode())};".encode() + value.encode())
    elif isinstance(value, (bool, np.bool_)):
        state.update(f"bool {bool(value)};".encode())
    elif isinstance(value, (int, np.integer)):
        state.update(f"int {int(value)};".encode())
    elif isinstance(value, (float, np.floating)):
        state.update(f"float {float(value).hex()};".encode())
    elif value is None:
        state.update(b"none;")
    else:
        raise TypeError(f"no digest for {type(value).__name__}")


class Digested:
    """Equality and hashing by content. The heirs are frozen dataclasses declared with ``eq=False``."""

    __slots__ = ()

    def digest(self) -> str:
        """SHA-256 (hex) over everything that makes this value what it is."""
        return digest(self)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.digest() == other.digest()

    def __hash__(self) -> int:
        return int(self.digest()[:15], 16)
