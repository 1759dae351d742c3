"""nirdynap chips."""

from __future__ import annotations

from pathlib import Path

from commands import ask, codes, run

import nirdynap


def test_all_chips() -> None:
    chips = ask("chips")["body"]["chips"]
    assert tuple(chip["name"] for chip in chips) == nirdynap.chip_names()
    result = run("chips")
    assert (result.exit_code, result.stderr) == (0, "")
    for chip in chips:
        row = next(line for line in result.stdout.splitlines() if line.startswith(f"{chip['name']} "))
        assert str(sum(core["kernel"] for core in chip["cores"])) in row.split()


def test_one_chip() -> None:
    (chip,) = ask("chips", "speck2fmodule")["body"]["chips"]
    known = nirdynap.load_chip("speck2f")
    assert [tuple(core.values()) for core in chip["cores"]] == list(known.cores)
    assert chip["limits"]["strides"] == [1, 2, 4, 8]
    result = run("chips", "speck2fmodule")
    for source in known.sources:
        assert source.text in result.stdout
    assert [*"0", *map(str, known.cores[0])] in [line.split() for line in result.stdout.splitlines()]


def test_unknown_chips(tmp_path: Path) -> None:
    assert codes(ask("chips", "loihi", code=2)) == ["ND324"]
    (tmp_path / "bad.toml").write_text("name = 3", encoding="utf-8")
    assert "ND325" in codes(ask("chips", tmp_path / "bad.toml", code=2))
