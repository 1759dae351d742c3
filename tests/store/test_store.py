"""Saving and loading, whatever the format: nothing lost, nothing half done, no traceback."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from samples import camera_spec, chains, full_spec, tiny_spec

from nirdynap.errors import StoreError
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.store import load, save

EXTENSIONS = (".h5", ".hdf5", ".nirdynap", ".json")
FORMATS = (".h5", ".json")


def assert_same(found: object, expected: object) -> None:
    """Equal in every field, types and array flags included."""
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert isinstance(found, np.ndarray)
        assert found.dtype == expected.dtype
        assert found.flags.writeable is False
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, (Spec, CoreSpec)):
        for field in dataclasses.fields(expected):
            assert_same(getattr(found, field.name), getattr(expected, field.name))
    elif isinstance(expected, tuple):
        assert isinstance(found, tuple)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


def load_or_codes(path: Path) -> Spec | set[str]:
    try:
        return load(path)
    except StoreError as error:
        return {finding.code for finding in error.diagnostics}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("specs")


@pytest.mark.parametrize("extension", [*EXTENSIONS, ".JSON", ".H5"])
def test_nothing_is_lost(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"net{extension}"
    save(full_spec(), path)
    assert_same(load(path), full_spec())
    assert load(str(path)).digest() == full_spec().digest()
    save(camera_spec(), path)
    assert_same(load(path), camera_spec())
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("extension", FORMATS)
@settings(deadline=None, max_examples=40)
@given(spec=chains())
def test_any_spec_survives(folder: Path, extension: str, spec: Spec) -> None:
    path = folder / f"any{extension}"
    save(spec, path)
    assert_same(load(path), spec)
    before = path.read_bytes()
    save(load(path), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("extension", FORMATS)
def test_writing_twice_gives_equal_bytes(tmp_path: Path, extension: str) -> None:
    save(full_spec(), tmp_path / f"a{extension}")
    time.sleep(1.1)  # longer than the resolution of HDF5's time stamps
    save(full_spec(), tmp_path / f"b{extension}")
    assert (tmp_path / f"a{extension}").read_bytes() == (tmp_path / f"b{extension}").read_bytes()


@pytest.mark.parametrize("extension", FORMATS)
def test_bytes_depend_on_no_hash_seed(tmp_path: Path, extension: str) -> None:
    code = f"from samples import full_spec; from nirdynap.store import save; save(full_spec(), 'net{extension}')"
    digests = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)}
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
        digests.add(hashlib.sha256((tmp_path / f"net{extension}").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    save(full_spec(), path)
    save(tiny_spec(), path)
    assert load(path) == tiny_spec()


@pytest.mark.parametrize("name", ["net", "net.nir", "net.h5.bak", ".json"])
def test_unknown_extensions(tmp_path: Path, name: str) -> None:
    for attempt in (lambda: save(tiny_spec(), tmp_path / name), lambda: load(tmp_path / name)):
        with pytest.raises(StoreError) as caught:
            attempt()
        (finding,) = caught.value.diagnostics
        assert (finding.code, finding.limit) == (
            "ND606",
            ".h5, .hdf5, .nirdynap, .json of specs, and .nir of NIR graphs",
        )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("extension", FORMATS)
def test_what_cannot_be_opened(tmp_path: Path, extension: str) -> None:
    (tmp_path / f"folder{extension}").mkdir()
    for name, reason in [("missing", "No such file"), ("folder", "Is a directory")]:
        with pytest.raises(StoreError, match=f"ND601 .*{name}{extension}: cannot be read: {reason}"):
            load(tmp_path / f"{name}{extension}")


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"{", b"[]", b"3", b"{}", b'{"schema": 3}', b"\xff\xfe", b"\x89HDF\r\n\x1a\n", b"[" * 100_000],
)
def test_foreign_files(tmp_path: Path, extension: str, content: bytes) -> None:
    path = tmp_path / f"foreign{extension}"
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        load(path)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.place) == ("ND601", str(path))


def test_a_file_of_the_other_format(tmp_path: Path) -> None:
    for written, named in [(".h5", ".json"), (".json", ".h5")]:
        save(tiny_spec(), tmp_path / f"net{written}")
        (tmp_path / f"net{written}").rename(tmp_path / f"net{named}")
        with pytest.raises(StoreError, match="ND601"):
            load(tmp_path / f"net{named}")


@pytest.mark.parametrize("extension", FORMATS)
def test_truncated_files(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"net{extension}"
    save(full_spec(), path)
    content = path.read_bytes()
    last = len(content.rstrip())
    for length in [*range(0, last, last // 60), last - 1]:
        path.write_bytes(content[:length])
        found = load_or_codes(path)
        assert isinstance(found, set)
        assert found <= {"ND601", "ND602", "ND603", "ND604"}


@pytest.mark.parametrize("extension", FORMATS)
def test_damaged_files_are_refused_or_harmless(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"net{extension}"
    save(full_spec(), path)
    content = path.read_bytes()
    random = np.random.default_rng(1)
    for position in random.integers(0, len(content), 150):
        damaged = bytearray(content)
        damaged[position] ^= int(random.integers(1, 256))
        path.write_bytes(damaged)
        # A spec, if a name or a note was hit, or an unused byte.
        found = load_or_codes(path)
        if isinstance(found, Spec):
            assert found == full_spec()
        else:  # no such file, or a spec that breaks a rule
            assert all(re.match("ND(60[1-4]|62[0-9]|3[0-9][0-9])$", code) for code in found)


def test_a_spec_that_nobody_could_load_is_not_written(tmp_path: Path) -> None:
    convention = dataclasses.replace(tiny_spec().convention, v_min=float("-inf"))
    with pytest.raises(StoreError) as caught:
        save(tiny_spec(convention=convention, chip=""), tmp_path / "net.h5")
    assert [(f.code, f.place) for f in caught.value.diagnostics] == [
        ("ND602", "spec: $.chip"),
        ("ND602", "spec: $.convention.v_min"),
    ]
    assert os.listdir(tmp_path) == []
