"""nirdynap export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import ask, codes, run

import nirdynap


def test_a_spec_or_a_graph_is_written_as_integers(net: Path, tmp_path: Path) -> None:
    spec = nirdynap.nir_to_dynapcnn(net, "speck2b", convention="sinabs")
    nirdynap.save(spec, tmp_path / "spec.h5")
    body = ask("export", tmp_path / "spec.h5", "--output", tmp_path / "from_spec.nir")["body"]
    assert body == {"chip": "speck2b", "digest": spec.digest(), "output": str(tmp_path / "from_spec.nir")}
    words = ["--chip", "speck2b", "--convention", "sinabs"]
    assert ask("export", net, "--output", tmp_path / "from_graph.nir", *words)["body"]["digest"] == spec.digest()
    assert (tmp_path / "from_spec.nir").read_bytes() == (tmp_path / "from_graph.nir").read_bytes()
    assert nirdynap.nir_to_dynapcnn(tmp_path / "from_spec.nir", "speck2b") == spec


def test_what_people_see(net: Path, tmp_path: Path) -> None:
    result = run("export", net, "--convention", "torch", "--output", tmp_path / "int.nir")
    assert result.exit_code == 0
    assert result.stdout.replace("\n", "").startswith(f"{tmp_path / 'int.nir'}: {net} in the integers of speck2f")


@pytest.mark.parametrize(("name", "code"), [("int.h5", "ND606"), ("absent/int.nir", "ND605")])
def test_where_it_cannot_be_written(net: Path, tmp_path: Path, name: str, code: str) -> None:
    assert codes(ask("export", net, "--convention", "torch", "--output", tmp_path / name, code=2)) == [code]
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_leaves_no_file(too_large: Path, tmp_path: Path) -> None:
    assert run("export", too_large, "--output", tmp_path / "int.nir").exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_the_vendors_configuration(net: Path, tmp_path: Path) -> None:
    words = ["--convention", "torch", "--to", "samna-json"]
    body = ask("export", net, *words, "--output", tmp_path / "net.json")["body"]
    spec = nirdynap.nir_to_dynapcnn(net, convention="torch")
    assert body["digest"] == spec.digest()
    assert (tmp_path / "net.json").read_text() == nirdynap.configuration(spec).to_json() + "\n"
    ask("export", net, *words, "--monitor", "all", "--slow-clock-hz", 100, "--output", tmp_path / "net.json")
    tree = nirdynap.configuration(spec, monitor="all", slow_clock_hz=100)
    assert (tmp_path / "net.json").read_text() == tree.to_json() + "\n"
    ask("export", net, *words, "--monitor", "conv", "--monitor", "if2", "--output", tmp_path / "net.json")
    assert (tmp_path / "net.json").read_text() == nirdynap.configuration(spec, monitor=["conv", "if2"]).to_json() + "\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--to", "samna-json", "--output", "x.nir"], "ND606"),
        (["--to", "samna", "--output", "x.json"], "ND902"),
        (["--slow-clock-hz", "100", "--output", "x.nir"], "ND902"),
        (["--monitor", "all", "--output", "x.nir"], "ND902"),
        (["--to", "samna-json", "--monitor", "conv9", "--output", "x.json"], "ND640"),
        (["--to", "samna-json", "--chip", "speck2b", "--output", "x.json"], "ND643"),
    ],
)
def test_words_of_the_configuration(net: Path, tmp_path: Path, words: list[str], code: str) -> None:
    words = [str(tmp_path / word) if word.startswith("x.") else word for word in words]
    assert codes(ask("export", net, "--convention", "torch", *words, code=2)) == [code]
    assert list(tmp_path.iterdir()) == []


def test_the_clock_of_a_finished_spec(net: Path, tmp_path: Path) -> None:
    plain, clocked = tmp_path / "plain.json", tmp_path / "clocked.json"
    ask("convert", net, "--output", plain)
    ask("convert", net, "--output", clocked, "--slow-clock-hz", 50)
    words = ["--to", "samna-json", "--output", tmp_path / "net.json"]
    for spec, more, hz in ((clocked, [], 50), (plain, ["--slow-clock-hz", 100], 100), (net, more_of(60), 60)):
        ask("export", spec, *words, *more)
        assert json.loads((tmp_path / "net.json").read_text())["slow_clock_hz"] == hz
    assert codes(ask("export", plain, *words, *more_of(1), code=1)) == ["ND332"]
    refused = ask("export", clocked, *words, *more_of(100), code=2)
    assert codes(refused) == ["ND126"]
    assert "ExternalClock(hz=50)" in str(refused)


def more_of(hz: int) -> list[str]:
    return ["--slow-clock-hz", str(hz)]


def test_an_extension_that_needs_another_word(net: Path, tmp_path: Path) -> None:
    document = ask("export", net, "--output", tmp_path / "x.json", code=2)
    assert codes(document) == ["ND606"]
    assert ".json with --to samna-json" in document["diagnostics"][0]["found"]


def test_a_network_that_nir_cannot_say_is_refused(net: Path, tmp_path: Path) -> None:
    words = ["--decimator", "conv=2", "--output", tmp_path / "int.nir"]
    assert codes(ask("export", net, *words, code=1)) == ["ND607"]
