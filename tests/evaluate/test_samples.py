"""Everything that holds recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import SHAPE, recordings

from nirdynap.errors import InputError
from nirdynap.evaluate.nmnist import read_bin
from nirdynap.evaluate.samples import Sample, open_samples
from nirdynap.ir.events import Events

EVENTS, LABEL = recordings(1)[0]


def opened(samples: Any) -> list[tuple[str, Sample]]:
    source = open_samples(samples)
    entries = [(entry.name, entry.load()) for entry in source.entries]
    assert source.total in (None, len(entries))
    return entries


def arrays(events: Events) -> dict[str, Any]:
    return {name: getattr(events, name) for name in ("t", "c", "y", "x")}


def encode(events: Events) -> bytes:
    """A .bin file, by hand: the clock runs over each 2**13 microseconds, as in the camera's own stream."""
    content, laps = [], 0
    for t, c, y, x in zip(events.t.tolist(), events.c.tolist(), events.y.tolist(), events.x.tolist(), strict=True):
        while t >> 13 > laps:
            laps += 1
            content.append(bytes([0, 240, 0, 0, 0]))
        low = t - (laps << 13)
        content.append(bytes([x, y, c << 7 | low >> 16, low >> 8 & 255, low & 255]))
    return b"".join(content)


class Tonic:
    """As data sets of Tonic are: structured events and a target."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        if index >= 3:
            raise AssertionError("read beyond its end")
        events = np.empty(len(EVENTS), dtype=[("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")])
        events["x"], events["y"], events["t"], events["p"] = EVENTS.x, EVENTS.y, EVENTS.t, EVENTS.c
        return events, np.int64(index)


def test_a_data_set() -> None:
    assert opened(Tonic()) == [(str(i), Sample(recording=EVENTS, label=i)) for i in range(3)]
    assert open_samples(Tonic()).total == 3


def test_iterables_and_single_recordings() -> None:
    raster = EVENTS.to_raster(SHAPE)
    assert opened([EVENTS, (EVENTS, 2)]) == [("0", Sample(recording=EVENTS)), ("1", Sample(recording=EVENTS, label=2))]
    assert opened(iter([(EVENTS, None)])) == [("0", Sample(recording=EVENTS))]
    assert opened(EVENTS) == [("0", Sample(recording=EVENTS))]
    ((_, sample),) = opened(iter([(raster.tolist(), 1)]))
    assert np.array_equal(sample.recording, raster)
    assert len(opened(raster)) == 1
    batch = opened(np.stack([raster, 2 * raster], axis=1))
    assert [int(sample.recording.sum()) for _, sample in batch] == [len(EVENTS), 2 * len(EVENTS)]


def test_files_and_folders_of_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", **arrays(EVENTS), label=[2], dt_us=500, duration_us=10_000)
    expected = Sample(recording=EVENTS, label=2, dt_us=500, duration_us=10_000)
    assert opened(tmp_path / "b.npz") == [("0", expected)]
    assert opened(str(tmp_path / "b.npz")) == [("0", expected)]
    np.savez(tmp_path / "a.npz", raster=np.ones((3, 2, *SHAPE), int))
    (tmp_path / "README.txt").touch()
    names = [name for name, _ in opened(tmp_path)]
    assert names == ["a.npz:0", "a.npz:1", "b.npz:0"]


def test_a_bad_file_of_a_folder_is_one_bad_sample(tmp_path: Path) -> None:
    events = {"c": [0, 0], "y": [0, 0], "x": [0, 0]}
    np.savez(tmp_path / "a.npz", t=[2, 1], **events)
    np.savez(tmp_path / "b.npz", t=[1, 2], **events)
    bad, good = open_samples(tmp_path).entries
    assert (bad.name, good.name) == ("a.npz", "b.npz:0")
    assert len(good.load().recording) == 2
    with pytest.raises(InputError, match=r"ND501 .*a\.npz\.events: time goes backwards"):
        bad.load()
    with pytest.raises(InputError, match=r"ND501 .*a\.npz\.events"):
        open_samples(tmp_path / "a.npz")


def test_class_folders(tmp_path: Path) -> None:
    for number in (10, 9, 0):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "00002.bin").write_bytes(encode(EVENTS))
        (tmp_path / str(number) / "00001.bin").write_bytes(b"")
        (tmp_path / str(number) / "notes.txt").touch()
    empty = Events(t=[], c=[], y=[], x=[])
    assert opened(tmp_path) == [
        (f"{number}/{name}", Sample(recording=recording, label=number))
        for number in (0, 9, 10)
        for name, recording in (("00001.bin", empty), ("00002.bin", EVENTS))
    ]


def test_five_bytes_are_an_event(tmp_path: Path) -> None:
    # x = 1, y = 2, polarity 1, t = 0x7ABCDE; then the clock runs over, and x = 33, y = 3, polarity 0, t = 0x7ABCDF.
    words = [1, 2, 0xFA, 0xBC, 0xDE, 7, 240, 0x7A, 0xBC, 0xDE, 33, 3, 0x7A, 0xBC, 0xDF]
    (tmp_path / "r.bin").write_bytes(bytes(words))
    assert read_bin(tmp_path / "r.bin") == Events(t=[0x7ABCDE, 0x7ABCDF + 8192], c=[1, 0], y=[2, 3], x=[1, 33])


def test_real_recordings_come_back_from_their_bytes(shared_data: Path, tmp_path: Path) -> None:
    (_, sample), *_ = opened(shared_data / "nmnist_speck" / "nmnist_test_000_049.npz")
    assert isinstance(sample.recording, Events)
    (tmp_path / "r.bin").write_bytes(encode(sample.recording))
    assert read_bin(tmp_path / "r.bin") == sample.recording


@pytest.mark.parametrize("content", [b"123", b"123456"])
def test_files_that_are_cut_off(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.bin").write_bytes(content)
    with pytest.raises(InputError, match=rf"^ND511 .*{len(content)} bytes are no whole number of events"):
        read_bin(tmp_path / "r.bin")
    with pytest.raises(InputError, match=r"^ND511 .*cannot be read"):
        read_bin(tmp_path / "absent.bin")


@pytest.mark.parametrize("samples", [7, None, {"a": EVENTS}, np.zeros(3, dtype=[("x", int)])])
def test_what_holds_no_recordings(samples: Any) -> None:
    with pytest.raises(InputError, match=r"^ND751 nothing to evaluate, at \$.samples: \w+ holds no recordings"):
        open_samples(samples)


def test_folders_without_or_with_too_much(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^ND751 .*holds neither \.npz or \.npy files and"):
        open_samples(tmp_path)
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "1.bin").touch()
    np.save(tmp_path / "r.npy", EVENTS.to_structured())
    with pytest.raises(InputError, match=r"^ND751 .*holds both"):
        open_samples(tmp_path)
    with pytest.raises(InputError, match=r"^ND511 "):
        open_samples(tmp_path / "absent")


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ((EVENTS, 1.5), "ND752"),
        ((EVENTS, [1]), "ND752"),
        ("words", "ND513"),
        ([[1], [1, 2]], "ND504"),
        (np.zeros((2, 3, 4)), "ND504"),
        (np.zeros(2, dtype=[("x", int), ("y", int)]), "ND505"),
        (Tonic()[0][0][::-1], "ND501"),
    ],
)
def test_what_is_no_sample(item: Any, code: str) -> None:
    (entry,) = open_samples(iter([item])).entries
    with pytest.raises(InputError, match=rf"^{code} "):
        entry.load()
