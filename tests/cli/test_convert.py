"""nirdynap convert."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from commands import ask, codes, run

import nirdynap
from nirdynap.shipped import shipped


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
        "integers": [
            {"layer": cores[0].name, "quantisation": dataclasses.asdict(cores[0].quantisation)} for cores in spec.layers
        ],
    }


def test_how_the_integers_were_chosen(net: Path, tmp_path: Path) -> None:
    output = tmp_path / "spec.json"
    assert "How the integers were chosen" not in run("convert", net, "--output", output).stdout
    words = ["convert", net, "--output", output, "--discretize", "threshold-aware"]
    chosen = ask(*words)["body"]["integers"]
    assert [how["layer"] for how in chosen] == ["conv", "fc"]
    assert {how["quantisation"]["rule"] for how in chosen} == {"threshold-aware"}
    assert all(how["quantisation"]["after"] <= how["quantisation"]["before"] for how in chosen)
    shown = run("show", output).stdout
    for told in (run(*words).stdout, shown):
        assert "How the integers were chosen" in told
        assert told.count("expected spikes") == 2
    assert [core["quantisation"] for core in ask("show", output)["body"]["cores"]] == [
        how["quantisation"] for how in chosen
    ]


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


def test_decimators(net: Path, tmp_path: Path) -> None:
    output = tmp_path / "spec.json"
    ask("convert", net, "--output", output, "--decimator", "conv=4")
    assert [core.decimator for core in nirdynap.load(output).cores] == [4, 1]
    assert "each 4th spike" in run("show", output).stdout
    assert codes(ask("convert", net, "--output", output, "--decimator", "conv=many", code=2)) == ["ND126"]


def test_the_slow_clock(net: Path, tmp_path: Path) -> None:
    output = tmp_path / "spec.json"
    ask("convert", net, "--output", output, "--slow-clock-hz", 200)
    assert nirdynap.load(output).slow_clock == nirdynap.ExternalClock(hz=200)
    assert ask("show", output)["body"]["slow_clock"] == {"hz": 200}
    assert "slow clock: from the board, 200 ticks per second" in run("show", output).stdout
    ask("convert", net, "--output", output, "--slow-clock-divider", 14, "--dvs")
    assert nirdynap.load(output).slow_clock == nirdynap.InternalClock(divider=14)
    assert "slow clock: the chip's own, a tick for 2**14 camera events" in run("show", output).stdout
    assert codes(ask("check", net, "--slow-clock-divider", 14, code=1))[0] == "ND333"
    assert codes(ask("check", net, "--slow-clock-divider", 14, "--slow-clock-hz", 9, code=2)) == ["ND126"]


def test_the_readout_block(tmp_path: Path) -> None:
    output, digits = tmp_path / "spec.json", shipped("digits", "digits.nir")
    words = ["--readout", "--readout-average", 1, "--readout-threshold", 5, "--slow-clock-hz", 100]
    ask("convert", digits, "--output", output, *words)
    block = nirdynap.ReadoutOptions(average=1, threshold=5, output="output")
    assert nirdynap.load(output).readout == block
    assert ask("show", output)["body"]["readout"]["threshold"] == 5
    assert "readout block: output output, averages over 1 ticks, threshold 5" in run("show", output).stdout
    assert codes(ask("check", digits, "--readout-average", 1, code=2)) == ["ND126"]
    recordings = shipped("digits", "digits_test.npz")
    body = ask("simulate", output, "--input", recordings, "--semantics", "event")["body"]
    assert len(body["readout"]) == body["samples"]
    decided = [said["winners"][-1] for said in body["readout"]]
    assert {name for said in body["readout"] for name in said} == {"ticks", "averages", "winners", "pins", "values"}
    assert max(decided) <= 10
    assert "Readout block, last tick" in run("simulate", output, "--input", recordings).stdout
