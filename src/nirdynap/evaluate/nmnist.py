"""Recordings of N-MNIST and N-Caltech101 as they are distributed: one binary file each, in a folder for each class.

Format, five bytes for each event (Orchard et al. 2015, "Converting Static Image Datasets to Spiking Neuromorphic
Datasets Using Saccades", and the readers published with the data): x; y; the polarity in the highest bit of the third
byte; the 23 bits below it are the time in microseconds, most significant first. An event of y = 240 is none, but says
that the camera's clock has run over: from there on 2**13 microseconds are to be added.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nirdynap.errors import BAD_RECORDING_FILE, InputError
from nirdynap.ir.events import Events

_BYTES = 5
_OVERFLOW_Y = 240
_OVERFLOW_US = 1 << 13


def read_bin(path: Path) -> Events:
    """The events of one file; polarity p is channel p.

    Raises:
        InputError: ND511 for a file that cannot be read or is cut off, ND501 for time that goes backwards.
    """
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror or error}") from None
    if len(content) % _BYTES:
        raise _bad(path, f"{len(content)} bytes are no whole number of events, which have {_BYTES} each")
    x, y, high, middle, low = content.reshape(-1, _BYTES).T.astype(np.int64)
    overflow = y == _OVERFLOW_Y
    t = ((high & 0x7F) << 16 | middle << 8 | low) + _OVERFLOW_US * np.cumsum(overflow)
    return Events(t=t, c=high >> 7, y=y, x=x)[~overflow]


def _bad(path: Path, found: str) -> InputError:
    return InputError([BAD_RECORDING_FILE.at(str(path), value=found)])
