"""Writes a file completely or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from nirdynap.errors import CANNOT_WRITE, StoreError


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` into the file at `path`; whoever reads meanwhile sees the old content or the new one.

    Raises:
        StoreError: ND605; then nothing is left behind and an older file at `path` is as it was.
    """
    part = path.with_name(f".nirdynap-{secrets.token_hex(8)}.part")  # same folder: renaming is atomic there only
    try:
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError([CANNOT_WRITE.at(str(path), value=error.strerror or str(error))]) from None
