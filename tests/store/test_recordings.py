"""Recordings in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import write_events, write_graph

from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import InputError
from nirdynap.ir.events import Events
from nirdynap.sim import simulate
from nirdynap.store.recordings import Recordings, read_recordings, write_result

T, C, Y, X = np.array([0, 3, 3, 9]), np.array([0, 1, 0, 1]), np.array([5, 4, 3, 2]), np.array([0, 1, 2, 3])
EVENTS = Events(t=T, c=C, y=Y, x=X)


def saved(path: Path, **arrays: Any) -> Recordings:
    np.savez(path / "r.npz", **arrays)
    return read_recordings(path / "r.npz")


def part(first: int, last: int) -> Events:
    return Events(t=T[first:last], c=C[first:last], y=Y[first:last], x=X[first:last])


def test_one_sample(tmp_path: Path) -> None:
    assert saved(tmp_path, t=T, c=C, y=Y, x=X).samples == (EVENTS,)
    assert saved(tmp_path, t=T.astype(np.uint32), p=C.astype(np.uint8), y=Y, x=X).samples == (EVENTS,)
    one = saved(tmp_path, t=T, p=C, y=Y, x=X, label=[7], dt_us=500, duration_us=20)
    assert one.labels is not None
    assert (one.labels.tolist(), one.times) == ([7], {"dt_us": 500, "duration_us": 20})


@pytest.mark.parametrize("start", [[0, 3, 3, 4], [0, 3, 3]])
def test_several_samples_may_leave_out_the_end(tmp_path: Path, start: list[int]) -> None:
    events = {"t": np.array([1, 2, 9, 0]), "c": C, "y": Y, "x": X}
    for label in ({}, {"label": [4, 5, 6]}):
        read = saved(tmp_path, **events, start=start, **label)
        assert [len(sample) for sample in read.samples] == [3, 0, 1]
    assert isinstance(read.samples, tuple)
    assert read.samples[2] == Events(t=[0], c=C[3:], y=Y[3:], x=X[3:])


def test_an_empty_last_sample_is_told_by_the_labels(tmp_path: Path) -> None:
    read = saved(tmp_path, t=T, c=C, y=Y, x=X, start=[0, 2, 4], label=[1, 2, 3])
    assert read.samples == (part(0, 2), part(2, 4), part(4, 4))
    assert saved(tmp_path, t=T, c=C, y=Y, x=X, start=[0, 2, 4], label=[1, 2]).samples == (part(0, 2), part(2, 4))


def test_rasters(tmp_path: Path) -> None:
    raster = np.random.default_rng(1).integers(0, 3, size=(5, 2, 1, 3, 3))
    read = saved(tmp_path, raster=raster, label=[0, 1], dt_us=10, duration_us=50)
    assert np.array_equal(read.samples, raster)
    assert read.times == {"dt_us": 10}, "a raster tells its own length"
    np.save(tmp_path / "r.npy", raster[:, 0])
    read = read_recordings(tmp_path / "r.npy")
    assert np.array_equal(read.samples, raster[:, 0])
    assert read.labels is None


def test_events_beside_a_raster_are_taken(tmp_path: Path) -> None:
    assert saved(tmp_path, t=T, c=C, y=Y, x=X, raster=np.zeros((3, 2, 8, 8), int)).samples == (EVENTS,)


def test_a_structured_array(tmp_path: Path) -> None:
    np.save(tmp_path / "r.npy", EVENTS.to_structured())
    assert read_recordings(tmp_path / "r.npy").samples == (EVENTS,)


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({}, "neither events nor a raster among no arrays"),
        ({"t": T, "c": C, "y": Y}, "neither events nor a raster among c, t, y"),
        ({"t": T, "c": C, "y": Y, "x": X, "label": [1, 2]}, r"label has shape \(2,\), but there are 1 samples"),
        ({"t": T, "c": C, "y": Y, "x": X, "label": [0.5]}, "label is float64 .*, not a list of whole numbers"),
        ({"t": T, "c": C, "y": Y, "x": X, "start": [0, 5]}, r"start must ascend from 0 to the 4 events"),
        ({"t": T, "c": C, "y": Y, "x": X, "start": [0, 3, 2, 4]}, r"start must ascend"),
        ({"t": T, "c": C, "y": Y, "x": X, "start": [1, 4]}, r"start must ascend"),
        ({"t": T, "c": C, "y": Y, "x": X, "start": []}, r"start is float64"),
        ({"t": T, "c": C, "y": Y, "x": X, "start": [[0, 4]]}, r"start is int64 of shape"),
        ({"t": T, "c": C, "y": Y, "x": X, "dt_us": [1, 2]}, "dt_us is not one whole number"),
        ({"t": T, "c": C, "y": Y, "x": X, "dt_us": 0.5}, "dt_us is not one whole number"),
        ({"t": T, "c": C, "y": Y, "x": X, "label": 3}, r"label is int64 of shape \(\)"),
        ({"t": T, "c": C, "y": Y, "x": X, "start": 0}, r"start is int64 of shape \(\)"),
        ({"t": T, "c": C, "p": C, "y": Y, "x": X}, "holds both c and p.*leave one of them out"),
        ({"raster": np.zeros((3, 2, 1, 1, 1), int), "label": [1]}, "but there are 2 samples"),
    ],
)
def test_files_that_are_no_recordings(tmp_path: Path, arrays: dict[str, Any], found: str) -> None:
    with pytest.raises(InputError, match=f"^ND511 .*{found}"):
        saved(tmp_path, **arrays)


def test_events_that_cannot_be(tmp_path: Path) -> None:
    bad = [({"t": T[::-1]}, "ND501"), ({"x": -X}, "ND502"), ({"x": X[1:]}, "ND505"), ({"t": T[0]}, "ND505")]
    for arrays, code in bad:
        for start in ({}, {"start": [0, 4]}):
            with pytest.raises(InputError, match=f"^{code} "):
                saved(tmp_path, **{"t": T, "c": C, "y": Y, "x": X, **arrays, **start})


def test_unreadable_files(tmp_path: Path) -> None:
    whole = tmp_path / "whole.npz"
    np.savez_compressed(whole, t=T, c=C, y=Y, x=X)
    contents = [b"", b"words", whole.read_bytes()[:200], whole.read_bytes()[:-30]]
    np.save(tmp_path / "pickled.npy", np.array([{"a": 1}], dtype=object))
    contents.append((tmp_path / "pickled.npy").read_bytes())
    damaged = bytearray(whole.read_bytes())
    damaged[80:90] = bytes(10)
    contents.append(bytes(damaged))
    for content in contents:
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(InputError, match=r"^ND511 ") as caught:
            read_recordings(tmp_path / "bad.npz")
        assert "pickle" not in str(caught.value), "no advice of numpy's, which would be dangerous"
    for path in (tmp_path / "absent.npz", tmp_path):
        with pytest.raises(InputError, match=r"^ND511 .*cannot be read"):
            read_recordings(path)
    with pytest.raises(InputError, match="only nirdynap evaluate takes folders"):
        read_recordings(tmp_path)


def test_damage_anywhere_is_told_or_harmless(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    told = 0
    np.savez_compressed(tmp_path / "whole.npz", t=T, c=C, y=Y, x=X, start=[0, 4])
    np.save(tmp_path / "whole.npy", EVENTS.to_structured())
    for name in ("whole.npz", "whole.npy"):
        whole = (tmp_path / name).read_bytes()
        for _ in range(150):
            damaged = bytearray(whole)
            for position in rng.integers(0, len(whole), size=3):
                damaged[position] = rng.integers(0, 256)
            (tmp_path / "damaged").write_bytes(damaged)
            try:
                read_recordings(tmp_path / "damaged")
            except InputError:
                told += 1
    assert told > 150


def test_an_array_that_claims_more_than_there_is(tmp_path: Path) -> None:
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999,), }"
    (tmp_path / "large.npy").write_bytes(header.ljust(127) + b"\n" + bytes(64))
    with pytest.raises(InputError, match=r"^ND511 "):
        read_recordings(tmp_path / "large.npy")


@pytest.mark.parametrize("semantics", ["clocked", "event"])
@pytest.mark.parametrize("record", ["outputs", "all"])
def test_results(tmp_path: Path, semantics: Any, record: Any) -> None:
    spec = nir_to_dynapcnn(write_graph(tmp_path / "net.nir"), convention="torch")
    read = read_recordings(write_events(tmp_path / "recordings.npz"))
    result = simulate(spec, read.samples, semantics, record=record)
    write_result(tmp_path / "a.npz", result, read.labels)
    write_result(tmp_path / "b.npz", result, read.labels)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = read_recordings(tmp_path / "a.npz")
    assert again.samples == result.events
    assert np.array_equal(again.labels, read.labels)
    with np.load(tmp_path / "a.npz") as file:
        assert np.array_equal(file["decision"], result.decision)
        assert np.array_equal(file["counts"], result.counts[spec.outputs[0].core])
        assert ("raster" in file) == (semantics == "clocked")
        if semantics == "clocked":
            assert np.array_equal(file["raster"], result.raster)
        for core in spec.cores:
            assert np.array_equal(file[f"core{core.core}.membranes"], result.membranes[core.core])
            recorded = {f"core{core.core}.raster", f"core{core.core}.t"} & set(file)
            assert len(recorded) == (record == "all")
