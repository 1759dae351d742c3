"""Writes a file completely or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nirdynap.errors import CANNOT_WRITE, StoreError

UNFINISHED = ".nirdynap-*.part"
"""Names of what a process that was killed may leave in a folder where it was writing."""


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file at `path` when the block is done, and is gone if it is not.

    Whoever reads meanwhile sees the old content or the new one.

    Raises:
        StoreError: ND605; then nothing is left behind and an older file at `path` is as it was.
    """
    part = path.with_name(UNFINISHED.replace("*", secrets.token_hex(8)))  # same folder: renaming is atomic there only
    try:
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError([CANNOT_WRITE.at(str(path), value=error.strerror or str(error))]) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` into the file at `path`, as `open_atomically` does."""
    with open_atomically(path) as file:
        file.write(data)
