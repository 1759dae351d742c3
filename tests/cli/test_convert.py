"""nirdynap convert."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import ask, codes, run

import nirdynap


@pytest.mark.parametrize("name", ["spec.h5", "spec.hdf5", "spec.nirdynap", "spec.json"])
def test_the_spec_is_written(net: Path, tmp_path: Path, name: str) -> None:
    body = ask("convert", net, "--output", tmp_path / name, "--convention", "torch", "--chip", "speck2b")["body"]
    spec = nirdynap.load(tmp_path / name)
    assert spec == nirdynap.nir_to_dynapcnn(net, "speck2b", convention="torch")
    assert body == {
        "chip": "speck2b",
        "convention": "torch",
        "digest": spec.digest(),
        "weights_digest": spec.weights_digest(),
        "output": str(tmp_path / name),
    }


def test_what_people_see(net: Path, tmp_path: Path) -> None:
    result = run("convert", net, "--output", tmp_path / "spec.h5")
    assert result.exit_code == 0
    spec = nirdynap.load(tmp_path / "spec.h5")
    assert result.stdout.startswith(f"{tmp_path / 'spec.h5'}: {net} on speck2f")
    assert str(spec.cores[0].threshold_high) in result.stdout
    told = (
        "warning: ND124 reset read as zero, at $.nodes.if1, $.nodes.if2: ",
        "warning: ND134 not settled by the file, ",
    )
    assert [line.startswith(told) for line in result.stderr.splitlines()] == [True, True]


def test_the_headline_tells_what_was_set_otherwise(net: Path, tmp_path: Path) -> None:
    words = ["--convention", "sinabs", "--reset", "zero", "--v-min", "-1", "--delay", "drop"]
    result = run("convert", net, "--output", tmp_path / "spec.h5", *words)
    assert ", convention sinabs, reset zero, v_min -1, delay drop, digest " in result.stdout.splitlines()[0]


def test_a_spec_cannot_be_converted_again(net: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.h5"
    run("convert", net, "--output", spec)
    document = ask("convert", spec, "--output", tmp_path / "again.h5", code=2)
    assert codes(document) == ["ND902"]
    assert "this is a spec" in document["diagnostics"][0]["found"]


def test_a_refusal_leaves_no_file(too_large: Path, tmp_path: Path) -> None:
    output = tmp_path / "spec.h5"
    result = run("convert", too_large, "--output", output)
    assert (result.exit_code, result.stdout) == (1, "")
    errors = [line for line in result.stderr.splitlines() if line.startswith("ND")]
    assert len(errors) > 1, "all at once"
    document = ask("convert", too_large, "--output", output, code=1)
    assert document["body"] is None
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_leaves_an_older_file_alone(too_large: Path, tmp_path: Path) -> None:
    output = tmp_path / "spec.h5"
    output.write_bytes(b"old")
    assert run("convert", too_large, "--output", output).exit_code == 1
    assert output.read_bytes() == b"old"


@pytest.mark.parametrize(("name", "code"), [("spec.txt", "ND606"), ("absent/spec.h5", "ND605")])
def test_where_it_cannot_be_written(net: Path, tmp_path: Path, name: str, code: str) -> None:
    assert codes(ask("convert", net, "--output", tmp_path / name, code=2)) == [code]
    assert list(tmp_path.iterdir()) == []
