"""Recordings in numpy's files, and results of a simulation, which can be read again as recordings."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from nirdynap.atomic import write_atomically
from nirdynap.errors import BAD_RECORDING_FILE, InputError
from nirdynap.ir.events import Events
from nirdynap.ir.result import Result
from nirdynap.ir.units import IntArray

_MAGIC = (b"PK", b"\x93NUMPY")  # of .npz and .npy; what begins otherwise numpy would read as a pickle
_ADDRESSES = (("t", "c", "y", "x"), ("t", "p", "y", "x"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """What a file holds.

    Attributes:
        samples: Events of each sample, or a raster of counts [time, channel, y, x] or [time, batch, channel, y, x].
        labels: int64 [sample], or None.
        times: of dt_us and duration_us those that the file says.
    """

    samples: tuple[Events, ...] | IntArray
    labels: IntArray | None
    times: Mapping[str, Any]


def read_recordings(path: Path) -> Recordings:
    """Recordings in an .npz or .npy file; the content decides, not the extension.

    * .npz with t, c, y, x, or x, y, t, p (polarity p is channel p), t in microseconds: one sample. With `start`, the
      index of each sample's first event and behind the last one the number of events (which may be left out), several.
    * .npz with `raster`; events beside it are taken instead of it.
    * .npy: a structured array with fields x, y, t, p, or a raster.
    * In an .npz also `label`, one for each sample, and `dt_us`, `duration_us`.

    Raises:
        InputError: ND511 for a file that cannot be read or is none of these, ND501 to ND505 for events that cannot be.
    """
    content = file_content(path)
    if isinstance(content, np.ndarray):
        named = content.dtype.names is not None
        return Recordings(samples=(Events.from_structured(content),) if named else content, labels=None, times={})
    labels = _whole(path, content, "label")
    samples = _samples(path, content, labels)
    count = len(samples) if isinstance(samples, tuple) else samples.shape[1] if samples.ndim == 5 else 1
    if labels is not None and labels.shape != (count,):
        raise bad_file(path, f"label has shape {labels.shape}, but there are {count} samples")
    # A raster tells its own length.
    known = ("dt_us", "duration_us") if isinstance(samples, tuple) else ("dt_us",)
    times = {name: _single(path, content, name) for name in known if name in content}
    return Recordings(samples=samples, labels=labels, times=times)


def write_result(path: Path, result: Result, labels: IntArray | None) -> None:
    """Write a result as .npz, whole or not at all; the same result always gives the same bytes.

    The output's spikes are `t, c, y, x, start` and can be read again as a recording; `counts` [sample, c, y, x] are
    after the output's pooling. Of a clocked run there is also `raster`. With several outputs these names begin with
    ``output0.``, ``output1.``, in the order of `output_names`. Of each core there are ``core3.counts``,
    ``core3.membranes`` and, if everything was recorded, ``core3.raster`` or ``core3.t`` and so on, before pooling.

    Raises:
        StoreError: ND605.
    """
    arrays: dict[str, Any] = {"output_names": np.array(list(result.output_events)), "dt_us": np.int64(result.dt_us)}
    totals, decisions = result.output_counts, result.decisions
    for index, name in enumerate(result.output_events):
        prefix = "" if len(result.output_events) == 1 else f"output{index}."
        arrays |= _spike_arrays(prefix, result.output_events[name])
        arrays |= {f"{prefix}counts": totals[name], f"{prefix}decision": decisions[name]}
        if result.semantics == "clocked":
            arrays[f"{prefix}raster"] = result.output_rasters[name]
    for core, counts in result.counts.items():
        arrays |= {f"core{core}.counts": counts, f"core{core}.membranes": result.membranes[core]}
    arrays |= {f"core{core}.raster": raster for core, raster in result.rasters.items()}
    for core, spikes in result.spikes.items():
        arrays |= _spike_arrays(f"core{core}.", spikes)
    if labels is not None:
        arrays["label"] = labels
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, buffer.getvalue())


def file_content(path: Path) -> Any:
    """The array of an .npy file, or the arrays of an .npz file by name."""
    try:
        with path.open("rb") as stream:
            if not stream.read(6).startswith(_MAGIC):
                raise ValueError("its first bytes are those of neither")
            stream.seek(0)
            file = np.load(stream, allow_pickle=False)
            return file if isinstance(file, np.ndarray) else {name: file[name] for name in file}
    except OSError as error:
        folder = ", and only nirdynap evaluate takes folders" if path.is_dir() else ""
        raise bad_file(path, f"cannot be read: {error.strerror or error}{folder}") from None
    except Exception as error:  # of a damaged file, numpy and zipfile raise whatever they come upon
        if "allow_pickle" in str(error):
            raise bad_file(path, "holds Python objects, which are never read: arrays of numbers are") from None
        raise bad_file(path, f"is no complete .npz or .npy file: {str(error) or type(error).__name__}") from None


def _samples(path: Path, content: Mapping[str, Any], labels: IntArray | None) -> tuple[Events, ...] | IntArray:
    if {"t", "c", "p", "y", "x"} <= set(content):
        raise bad_file(path, "holds both c and p, and each of them would be the channel: leave one of them out")
    for names in _ADDRESSES:
        if set(names) <= set(content):
            return _events(path, content, names, labels)
    if "raster" in content:
        raster: IntArray = content["raster"]
        return raster
    raise bad_file(path, f"neither events nor a raster among {', '.join(sorted(content)) or 'no arrays'}")


def _events(
    path: Path, content: Mapping[str, Any], names: Sequence[str], labels: IntArray | None
) -> tuple[Events, ...]:
    t, c, y, x = (content[name] for name in names)
    start = _whole(path, content, "start")
    if start is None or len({array.shape for array in (t, c, y, x)}) > 1 or t.ndim != 1:
        return (Events(t=t, c=c, y=y, x=x),)  # one sample, or arrays that Events refuses
    total = len(t)
    open_end = len(start) == len(labels) if labels is not None else start[-1:].tolist() != [total]
    fence = np.append(start, total) if open_end else start
    if len(fence) < 2 or fence[0] != 0 or fence[-1] != total or (np.diff(fence) < 0).any():
        raise bad_file(
            path, f"start must ascend from 0 to the {total} events, and is {np.array2string(start, threshold=8)}"
        )
    return tuple(Events(t=t[a:b], c=c[a:b], y=y[a:b], x=x[a:b]) for a, b in pairwise(fence))


def _whole(path: Path, content: Mapping[str, Any], name: str) -> IntArray | None:
    if name not in content:
        return None
    array = content[name]
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise bad_file(path, f"{name} is {array.dtype} of shape {array.shape}, not a list of whole numbers")
    whole: IntArray = array.astype(np.int64)
    return whole


def _single(path: Path, content: Mapping[str, Any], name: str) -> int:
    array = content[name]
    if array.dtype.kind not in "iu" or array.size != 1:
        raise bad_file(path, f"{name} is not one whole number")
    return int(array.item())


def _spike_arrays(prefix: str, samples: Sequence[Events]) -> dict[str, IntArray]:
    arrays = {name: np.concatenate([getattr(events, name) for events in samples]) for name in ("t", "c", "y", "x")}
    arrays["start"] = np.cumsum([0, *(len(events) for events in samples)])
    return {prefix + name: array for name, array in arrays.items()}


def bad_file(path: Path, found: str) -> InputError:
    return InputError([BAD_RECORDING_FILE.at(str(path), value=found)])
