"""Recordings that were played to a chip, with the spikes that it fired, in numpy's .npz files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nirdynap.errors import InputError
from nirdynap.ir.chip_recordings import ChipRecordings
from nirdynap.ir.events import Events
from nirdynap.ir.units import IntArray
from nirdynap.store.recordings import bad_file, file_content

_NUMBERED = re.compile(r"events_(\d+)")
_COUNTS = "counts_"
_FORM = (
    "an .npz with events_0, counts_0, events_1, counts_1, ... of a chip; recordings without counts are no --recorded"
)


def read_chip_recordings(path: Path) -> ChipRecordings:
    """An .npz file of recordings and of the chip's spike counts for each.

    For recording k it holds `events_k`, whole numbers [event, 4] with columns x, y, t (microseconds) and p (polarity p
    is channel p), and the counts [c, y, x] of each layer that was listened to, over the run: `counts_k` of the layer
    that the input goes to, or `counts_k.NODE` of the layer of that node, the same ones for every k. Samples are in the
    order of k, which need not begin with 0 or be without gaps.

    Raises:
        InputError: ND511 for a file that cannot be read or is not so, ND501 to ND505 for events that cannot be.
    """
    try:
        content = file_content(path)
    except InputError as error:
        raise _with_hint(error) from None
    if not isinstance(content, Mapping):
        raise _bad_file(
            path, "is an .npy file of one array, and chip recordings are an .npz of events_0, counts_0, ..."
        )
    numbers = sorted(int(found[1]) for name in content if (found := _NUMBERED.fullmatch(name)))
    if not numbers:
        raise _bad_file(path, f"no events_0 among {', '.join(sorted(content)) or 'no arrays'}")
    samples = tuple(_events(path, f"events_{k}", content[f"events_{k}"]) for k in numbers)
    layers = [_layers_of(content, k) for k in numbers]
    if not layers[0] or any(set(found) != set(layers[0]) for found in layers):
        raise _bad_file(
            path, f"each of events_{numbers[0]} to events_{numbers[-1]} needs the counts of the same layers"
        )
    return ChipRecordings(
        samples=samples, spikes={layer: _stacked(path, [found[layer] for found in layers]) for layer in layers[0]}
    )


def _bad_file(path: Path, found: str) -> InputError:
    return _with_hint(bad_file(path, found))


def _with_hint(error: InputError) -> InputError:
    return InputError([replace(d, hint=_FORM) for d in error.diagnostics])


def _layers_of(content: Mapping[str, Any], number: int) -> dict[str | None, Any]:
    """The counts of a recording by node, None being the layer that the input goes to."""
    own = f"{_COUNTS}{number}"
    named: dict[str | None, Any] = {
        name.removeprefix(f"{own}."): array for name, array in content.items() if name.startswith(f"{own}.")
    }
    return {None: content[own], **named} if own in content else named


def _events(path: Path, name: str, array: Any) -> Events:
    if array.ndim != 2 or array.shape[1] != 4:
        raise _bad_file(path, f"{name} has shape {array.shape}, not [event, 4] with columns x, y, t, p")
    x, y, t, p = array.T
    return Events(t=t, c=p, y=y, x=x)


def _stacked(path: Path, counts: list[Any]) -> IntArray:
    if len({array.shape for array in counts}) > 1:
        raise _bad_file(path, f"counts of one layer have shapes {', '.join(str(array.shape) for array in counts)}")
    stacked: IntArray = np.stack(counts)
    return stacked
