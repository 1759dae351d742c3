"""Specs in files: HDF5 (.h5, .hdf5, .nirdynap) and pure JSON (.json)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nirdynap.atomic import write_atomically
from nirdynap.errors import NOT_A_SPEC, UNKNOWN_FORMAT, StoreError
from nirdynap.ir.arguments import check_spec, checked_path
from nirdynap.ir.spec import Spec
from nirdynap.store import spec_hdf5, spec_json


class _Format(NamedTuple):
    encode: Callable[[Spec], bytes]
    decode: Callable[[BinaryIO, str], Spec]


_HDF5 = _Format(spec_hdf5.encode, spec_hdf5.decode)
_JSON = _Format(spec_json.encode, spec_json.decode)
_FORMATS = {".h5": _HDF5, ".hdf5": _HDF5, ".nirdynap": _HDF5, ".json": _JSON}


def save(spec: Spec, path: str | os.PathLike[str]) -> None:
    """Write `spec` to a file whose extension chooses the format; the same spec always gives the same bytes.

    Raises:
        StoreError: ND605 when it cannot be written, ND606 for an unknown extension, and everything that `validate`
            finds; then no file is left behind.
        InputError: ND513 for what is no Spec, or no path.
    """
    check_spec(spec)
    path = checked_path(path)
    write_atomically(path, _format_of(path).encode(spec))


def load(path: str | os.PathLike[str]) -> Spec:
    """The spec that `save` wrote, equal in every field.

    Raises:
        StoreError: ND601 no spec, ND602 for each fault in it, ND603 changed since, ND604 another version,
            ND606 unknown extension, ND608 another document of nirdynap; and everything that `validate` finds in a spec
            that somebody else wrote.
        InputError: ND513 for what is no path.
    """
    path = checked_path(path)
    form = _format_of(path)
    try:
        with path.open("rb") as stream:
            return form.decode(stream, str(path))
    except OSError as error:
        raise StoreError([NOT_A_SPEC.at(str(path), value=f"cannot be read: {error.strerror or error}")]) from None


def _format_of(path: Path) -> _Format:
    if path.suffix.lower() not in _FORMATS:
        limit = f"{', '.join(_FORMATS)} of specs, and .nir of NIR graphs"
        raise StoreError([UNKNOWN_FORMAT.at(str(path), value=path.suffix, limit=limit)])
    return _FORMATS[path.suffix.lower()]
