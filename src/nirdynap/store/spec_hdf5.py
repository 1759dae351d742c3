"""A spec as an HDF5 file: the manifest as text in one dataset, each array in a dataset of its own."""

from __future__ import annotations

import io
import os
from typing import BinaryIO

import h5py
import numpy as np

from nirdynap.errors import NOT_A_SPEC, StoreError
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray
from nirdynap.store.manifest import Declared, arrays_of, check_manifest, collect_arrays, manifest_of, spec_of
from nirdynap.store.text import from_text, to_text

_MANIFEST = "manifest"
_LAYOUT = ("v108", "v108")  # of the file; fixed, so that bytes do not depend on the HDF5 library


def encode(spec: Spec) -> bytes:
    """The file's content; equal specs with equal names and notes give equal bytes."""
    text = to_text(manifest_of(spec)).encode("utf-8")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=_LAYOUT) as file:
        kind = h5py.string_dtype("utf-8", len(text))
        file.create_dataset(_MANIFEST, data=np.bytes_(text), dtype=kind, track_times=False)
        for name, array in arrays_of(spec).items():
            file.create_dataset(name, data=array, dtype=array.dtype.newbyteorder("<"), track_times=False)
    return buffer.getvalue()


def decode(stream: BinaryIO, place: str) -> Spec:
    """The spec in `stream`; `place` is what diagnostics call it.

    Raises:
        StoreError: ND601 to ND604.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    try:
        with h5py.File(stream, "r") as file:
            manifest = check_manifest(from_text(_manifest_text(file, size, place), place), place)
            names = set(file) - {_MANIFEST}
            arrays = collect_arrays(manifest, names, lambda d: _array(file, d, size), place)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StoreError([NOT_A_SPEC.at(place, value=f"HDF5 says: {reason}")]) from None
    return spec_of(manifest, arrays, place)


def _manifest_text(file: h5py.File, size: int, place: str) -> bytes:
    try:
        data = _dataset(file, _MANIFEST, size)
    except ValueError as error:
        raise StoreError([NOT_A_SPEC.at(place, value=f"dataset {_MANIFEST!r} {error}")]) from None
    text = data[()] if h5py.check_string_dtype(data.dtype) else None
    if not isinstance(text, bytes):
        raise StoreError([NOT_A_SPEC.at(place, value=f"dataset {_MANIFEST!r} is not a text")])
    return text


def _array(file: h5py.File, declared: Declared, size: int) -> IntArray:
    data = _dataset(file, declared.name, size)
    if data.dtype != declared.dtype or data.shape != declared.shape:
        raise ValueError(f"is {data.dtype} {data.shape}, declared is {declared.dtype} {declared.shape}")
    array: IntArray = data[()]
    return array


def _dataset(file: h5py.File, name: str, size: int) -> h5py.Dataset:
    # A link could lead to another file, and a few bytes can claim to be terabytes: neither is followed.
    if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
        raise ValueError("is missing")
    data = file[name]
    if data.external or data.is_virtual or data.nbytes > size:
        raise ValueError("does not lie in the file")
    return data
