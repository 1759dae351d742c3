"""Whatever holds recordings -> samples, made one by one when they are wanted."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from nirdynap.errors import BAD_RASTER, BAD_SAMPLE, NOTHING_TO_EVALUATE, InputError
from nirdynap.evaluate.nmnist import read_bin
from nirdynap.ir.arguments import check_recording, is_structured
from nirdynap.ir.events import Events
from nirdynap.ir.units import IntArray
from nirdynap.store.recordings import read_recordings

_NUMPY_FILES = (".npz", ".npy")


@runtime_checkable
class DataSet(Protocol):
    """What data sets for torch are, those of Tonic among them: `dataset[i]` is a recording, or one and its label."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


Samples: TypeAlias = "str | os.PathLike[str] | Events | IntArray | DataSet | Iterable[Any]"
"""What can be evaluated: a file or folder; one Events, or counts as `simulate` takes them; a data set; or any iterable,
of Events, structured arrays (x, y, t, p), counts [time, channel, y, x], or pairs of one of them and a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One recording.

    Attributes:
        recording: Events, or counts [time, channel, y, x].
        label: index of the right output neuron, if it is known.
        dt_us, duration_us: as in `simulate`, where the file of the recording says them.
    """

    recording: Events | IntArray
    label: int | None = None
    dt_us: int | None = None
    duration_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A sample that is not in memory yet: its name, unique within the run, and how to get it."""

    name: str
    load: Callable[[], Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Entries in their order, to be gone through once.

    Attributes:
        entries: the samples.
        total: how many there are, if that is known before.
        content: a digest that changes with recordings and labels, if they can be told before they are asked for.
    """

    entries: Iterator[Entry]
    total: int | None
    content: str | None = None


def open_samples(samples: Samples) -> Source:
    """The source that `samples` are.

    Raises:
        InputError: ND751 for what holds no recordings, ND511 for a file that cannot be read.
    """
    if isinstance(samples, (str, os.PathLike)):
        return replace(_from_path(Path(samples)), content=_content(Path(samples)))
    if isinstance(samples, Events):
        return _counted([Entry(name="0", load=partial(Sample, recording=samples))])
    if isinstance(samples, np.ndarray) and samples.dtype.names is None:
        return _counted(_of_arrays(samples, None, {}, ""))
    if isinstance(samples, DataSet) and not isinstance(samples, (Mapping, np.ndarray)):
        entries = (Entry(name=str(i), load=partial(_item, samples, i)) for i in range(len(samples)))
        return Source(entries=entries, total=len(samples))
    if isinstance(samples, Iterable) and not isinstance(samples, (Mapping, np.ndarray)):
        entries = (Entry(name=str(i), load=partial(to_sample, item)) for i, item in enumerate(samples))
        return Source(entries=entries, total=None)
    raise _nothing("$.samples", f"{type(samples).__name__} holds no recordings")


def to_sample(item: Any) -> Sample:
    """A recording, or a pair of one and its label.

    Raises:
        InputError: ND504, ND505 for what is no recording, ND752 for a label that is no index.
    """
    recording, label = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
    return Sample(recording=_recording(recording), label=_label(label))


def _item(samples: DataSet, index: int) -> Sample:
    return to_sample(samples[index])


def _recording(value: Any) -> Events | IntArray:
    if isinstance(value, Events):
        return value
    if not is_structured(value):
        check_recording(value)
    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of unequal length
        raise InputError([BAD_RASTER.at("$.raster", value=str(error))]) from None
    if array.dtype.names is not None:
        return Events.from_structured(array)
    if array.ndim != 4:
        found = f"{type(value).__name__} of shape {array.shape}, not [time, channel, y, x]"
        raise InputError([BAD_RASTER.at("$.raster", value=found)])
    return array


def _label(value: Any) -> int | None:
    try:
        return None if value is None else operator.index(value)
    except TypeError:
        raise InputError([BAD_SAMPLE.at("$.label", value=f"the label is {value!r}, not a whole number")]) from None


def _from_path(path: Path) -> Source:
    if not path.is_dir():
        return _counted(_of_file(path, ""))
    files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _NUMPY_FILES]
    classes = sorted((f for f in path.iterdir() if f.is_dir() and f.name.isdecimal()), key=lambda f: int(f.name))
    recordings = sum(1 for _ in _of_classes(classes))
    if files and not recordings:
        return Source(entries=(entry for file in files for entry in _of_one_of_many(file)), total=None)
    if recordings and not files:
        return Source(entries=_of_classes(classes), total=recordings)
    found = "both" if files else "neither"
    raise _nothing(str(path), f"the folder holds {found} .npz or .npy files and folders 0, 1, ... with .bin files")


def _content(path: Path) -> str:
    """Of a file its bytes; of a folder names, sizes and times of change, since reading all of it can take hours."""
    if not path.is_dir():
        return sha256(path.read_bytes()).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = (f"{file.relative_to(path)} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
    return sha256("\n".join(lines).encode()).hexdigest()


def _of_classes(folders: list[Path]) -> Iterator[Entry]:
    for folder in folders:
        for name in sorted(name for name in os.listdir(folder) if name.endswith(".bin")):
            yield Entry(name=f"{folder.name}/{name}", load=partial(_of_bin, folder / name, int(folder.name)))


def _of_bin(path: Path, label: int) -> Sample:
    return Sample(recording=read_bin(path), label=label)


def _of_one_of_many(path: Path) -> list[Entry]:
    """The samples of a file in a folder; of one that cannot be read the reason, when the sample is asked for."""
    try:
        return _of_file(path, f"{path.name}:")
    except InputError as error:
        return [Entry(name=path.name, load=partial(_refused, error))]


def _refused(error: InputError) -> Sample:
    raise error


def _of_file(path: Path, prefix: str) -> list[Entry]:
    try:
        read = read_recordings(path)
    except InputError as error:
        findings = [replace(d, place=d.place.replace("$", str(path), 1)) for d in error.diagnostics]
        raise InputError(findings) from None
    return _of_arrays(read.samples, read.labels, read.times, prefix)


def _of_arrays(
    samples: tuple[Events, ...] | IntArray, labels: IntArray | None, times: Mapping[str, int], prefix: str
) -> list[Entry]:
    """The samples of a file or of a batch; names are "0", "1" and so on behind the prefix."""
    each: Sequence[Events | IntArray]
    if isinstance(samples, tuple):
        each = samples
    else:
        each = [samples[:, i] for i in range(samples.shape[1])] if samples.ndim == 5 else [samples]
    known = [None] * len(each) if labels is None else [int(label) for label in labels]
    return [
        Entry(name=f"{prefix}{i}", load=partial(Sample, recording=recording, label=label, **times))
        for i, (recording, label) in enumerate(zip(each, known, strict=True))
    ]


def _counted(entries: list[Entry]) -> Source:
    return Source(entries=iter(entries), total=len(entries))


def _nothing(place: str, found: str) -> InputError:
    return InputError([NOTHING_TO_EVALUATE.at(place, value=found)])
