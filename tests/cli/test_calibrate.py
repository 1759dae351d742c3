"""Options --calibrate and --calibrate-budget, wherever a network is lowered."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import ask, codes, run

import nirdynap
from nirdynap.cli.calibration import lowering_options
from nirdynap.cli.options import Lowering


@pytest.mark.parametrize("command", ["convert", "simulate", "verify", "check"])
def test_recordings_choose_the_integers(command: str, net: Path, recordings: Path, tmp_path: Path) -> None:
    expected = nirdynap.nir_to_dynapcnn(net, discretize=nirdynap.Calibrate(recordings, budget_s=600))
    more = {"convert": ["--output", tmp_path / "spec.h5"], "check": []}.get(command, ["--input", recordings])
    document = ask(command, net, *more, "--calibrate", recordings, "--calibrate-budget", 600)
    assert document["body"]["digest"] == expected.digest()
    if command == "convert":
        assert {core.quantisation.rule for core in nirdynap.load(tmp_path / "spec.h5").cores} == {"calibrated"}


def test_how_far_it_is_is_told(recordings: Path) -> None:
    with lowering_options(Lowering(calibrate=str(recordings))) as options:
        assert options["discretize"].progress is not None
        options["discretize"].progress(1, 2)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--calibrate", "nothing.npz"], "ND511"),
        (["--calibrate-budget", "3"], "ND126"),
        (["--calibrate", "nothing.npz", "--discretize", "max-abs"], "ND126"),
        (["--calibrate", "nothing.npz", "--calibrate-budget", "0"], "ND126"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], code: str, net: Path) -> None:
    assert codes(ask("check", net, *words, code=2)) == [code]


def test_of_two_findings_the_one_that_the_budget_ran_out_is_a_note(net: Path, recordings: Path, tmp_path: Path) -> None:
    result = run("convert", net, "--output", tmp_path / "a.h5", "--calibrate", recordings, "--calibrate-budget", "1e-6")
    assert result.exit_code == 0
    assert "note: ND590 calibration stopped" in result.stderr
