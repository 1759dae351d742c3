"""nirdynap demo: the shipped example."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import ask, codes, process, run

import nirdynap
from nirdynap.schema import validate

RUNGS = ["float", "normalised", "lowered", "clocked", "single", "event", "chip"]
FILES = ["digits.spec.h5", "digits.spec.json", "digits.verify.json", "digits.nir", "digits_test.npz"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder that the demo wrote, its stdout and its stderr."""
    folder = tmp_path_factory.mktemp("demo") / "new" / "demo-output"
    done = process("demo", "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout, done.stderr


def test_the_files(demo: tuple[Path, str, str]) -> None:
    folder, _, _ = demo
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    spec = nirdynap.load(folder / "digits.spec.h5")
    assert spec == nirdynap.load(folder / "digits.spec.json") == nirdynap.nir_to_dynapcnn(folder / "digits.nir")
    results = json.loads((folder / "digits.verify.json").read_text(encoding="utf-8"))
    assert validate(results, "result-v1") == ()
    assert results["body"]["digest"] == spec.digest()


def test_the_network_is_as_good_on_the_chip(demo: tuple[Path, str, str]) -> None:
    folder, out, _ = demo
    body = json.loads((folder / "digits.verify.json").read_text(encoding="utf-8"))["body"]
    accuracy = {rung: correct / body["samples"] for rung, correct in body["correct"].items()}
    assert list(accuracy) == RUNGS
    assert accuracy["float"] >= 0.97
    assert accuracy["event"] >= accuracy["float"] - 0.01
    assert "fits speck2f" in out
    for rung in accuracy:
        row = next(line for line in out.splitlines() if line.startswith(f"{rung} "))
        assert f"  {int(1000 * accuracy[rung]) / 10:.1f} %  " in row


def test_what_to_try_next_works(demo: tuple[Path, str, str]) -> None:
    _, out, _ = demo
    tries = [line.split()[1:] for line in out.splitlines() if line.startswith("  nirdynap ") and "YOUR" not in line]
    assert len(tries) == 3
    for words in tries:
        assert run(*words).exit_code == 0


def test_the_document(tmp_path: Path) -> None:
    body = ask("demo", "--output", tmp_path)["body"]
    assert body["files"] == FILES
    assert [row["rung"] for row in body["accuracy"]] == RUNGS
    (tmp_path / "file").touch()
    assert codes(ask("demo", "--output", tmp_path / "file", code=2)) == ["ND903"]
