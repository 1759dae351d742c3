"""A spec as one JSON document.

Arrays are nested lists, not base64: a change of one weight shows as one changed line, any language reads them without
asking for a byte order, and even a chip that is full to the last word stays at a few megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray
from nirdynap.store.manifest import Declared, arrays_of, check_manifest, collect_arrays, manifest_of, spec_of
from nirdynap.store.text import from_text, to_text


def encode(spec: Spec) -> bytes:
    """The file's content; equal specs with equal names and notes give equal bytes."""
    return to_text({**manifest_of(spec), "arrays": arrays_of(spec)}).encode("utf-8")


def decode(stream: BinaryIO, place: str) -> Spec:
    """The spec in `stream`; `place` is what diagnostics call it.

    Raises:
        StoreError: ND601 to ND604.
    """
    manifest = check_manifest(from_text(stream.read(), place), place)
    held = manifest.get("arrays", {})
    return spec_of(manifest, collect_arrays(manifest, held, lambda d: _array(held, d), place), place)


def _array(held: Mapping[str, Any], declared: Declared) -> IntArray:
    try:
        array = np.array(held[declared.name])
    except ValueError:
        raise ValueError("rows differ in length") from None
    if array.dtype.kind != "i":
        raise ValueError(f"holds something else than {declared.dtype} integers")
    if array.shape != declared.shape:
        raise ValueError(f"has shape {array.shape}, declared is {declared.shape}")
    limits = np.iinfo(declared.dtype)
    if array.min() < limits.min or array.max() > limits.max:
        raise ValueError(f"holds numbers from {array.min()} to {array.max()}, declared is {declared.dtype}")
    return array.astype(declared.dtype)
