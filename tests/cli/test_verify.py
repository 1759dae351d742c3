"""nirdynap verify."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from commands import ask, codes, run

import nirdynap
from nirdynap.lower.group import group
from nirdynap.store.recordings import read_recordings
from nirdynap.verify import ladder


def test_the_document_is_the_verification(net: Path, recordings: Path) -> None:
    body = ask("verify", net, "--input", recordings, "--convention", "torch", "--emission", "channel")["body"]
    read = read_recordings(recordings)
    outcome = nirdynap.verify(net, "speck2f", read.samples, convention="torch", emission="channel", labels=read.labels)
    assert body["digest"] == outcome.spec.digest()
    assert (body["samples"], body["steps"], body["emission"]) == (3, outcome.steps, "channel")
    for rung, shown in zip(outcome.rungs, body["rungs"], strict=True):
        assert shown["name"] == rung.name
        assert [layer["spikes"] for layer in shown["layers"]] == [layer.spikes for layer in rung.layers]
        assert shown["decisions"] == {"output": rung.decisions["output"].tolist()}
    for pair, shown in zip(outcome.comparisons, body["comparisons"], strict=True):
        assert [layer["equal"] for layer in shown["layers"]] == [layer.equal for layer in pair.layers]
        assert (shown["first_difference"] is None) == (pair.first_difference is None)
    assert body["correct"] == outcome.correct
    assert [loss["lost"] for loss in body["waterfall"]["losses"]] == [loss.lost for loss in outcome.waterfall.losses]
    assert body["recorded"] is None
    assert read.labels is not None
    assert body["labels"] == read.labels.tolist()


def test_what_people_see(net: Path, recordings: Path) -> None:
    said = ("--v-min", "-threshold", "--spikes-per-step", "many")
    result = run("verify", net, "--input", recordings, "--convention", "sinabs", *said, "--dt-us", "2000")
    assert (result.exit_code, result.stderr) == (0, "")
    read = read_recordings(recordings)
    outcome = nirdynap.verify(net, "speck2f", read.samples, convention="sinabs", dt_us=2000, labels=read.labels)
    lines = result.stdout.splitlines()
    assert "3 samples of 10 steps of 2000 µs" in lines[0]
    for rung in outcome.rungs:
        row = next(line.split() for line in lines if line.startswith(f"{rung.name} "))
        assert row[1:3] == [str(layer.spikes) for layer in rung.layers]
        assert row[3:5] == [f"{int(1000 * outcome.accuracy[rung.name]) / 10:.1f}", "%"]
    assert "normalised first differs from float: nowhere" in lines
    assert any(line.startswith("event with single") for line in lines)
    event = next(line for line in lines if line.startswith("event first differs from single: "))
    at = next(pair for pair in outcome.comparisons if pair.rung == "event").first_difference
    assert at is not None
    assert f"{at.layer}, sample {at.sample}, step {at.step}" in event


def test_refusals(net: Path, too_large: Path, recordings: Path, tmp_path: Path) -> None:
    document = ask("verify", too_large, "--input", recordings, "--split", "never", code=1)
    assert document["body"] is None
    assert "ND301" in codes(document)
    assert codes(ask("verify", net, "--input", tmp_path / "absent.npz", code=2)) == ["ND511"]
    assert codes(ask("verify", tmp_path / "absent.nir", "--input", recordings, code=2)) == ["ND101"]
    assert codes(ask("verify", net, "--input", recordings, "--order", "random", code=2)) == ["ND507"]
    assert codes(ask("verify", net, "--input", recordings, "--trim", "--readout", code=2)) == ["ND902"] * 2


def test_a_spec_is_refused(net: Path, recordings: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.h5"
    nirdynap.save(nirdynap.nir_to_dynapcnn(net), spec)
    document = ask("verify", spec, "--input", recordings, code=2)
    assert codes(document) == ["ND902"]
    assert "this is a spec" in document["diagnostics"][0]["found"]


def test_samples_without_an_output_spike(net: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", raster=np.zeros((5, 2, 2, 8, 8), int), label=[2, 0])
    words = ("verify", net, "--input", tmp_path / "r.npz")
    body = ask(*words)["body"]
    assert [rung["decisions"] for rung in body["rungs"]] == [{"output": [-1, -1]}] * 7
    assert set(body["correct"].values()) == {0}
    assert "event, output output: 2 of 2 samples without an output spike" in run(*words).stdout


def test_labels_outside_the_outputs(net: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", raster=np.zeros((5, 2, 2, 8, 8), int), label=[-1, 0])
    assert codes(ask("verify", net, "--input", tmp_path / "r.npz", code=2)) == ["ND756"]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_warning_is_no_refusal(net: Path, recordings: Path, words: tuple[str, ...]) -> None:
    result = run("verify", net, "--input", recordings, *words)
    assert result.exit_code == 0
    assert ("warning: ND124" in result.stderr) == (not words)


def test_what_a_framework_gave_and_a_chip_fired(net: Path, recordings: Path, tmp_path: Path) -> None:
    spec = nirdynap.nir_to_dynapcnn(net, convention="torch")
    read = read_recordings(recordings)
    played = read.samples[0]
    fired = nirdynap.simulate(spec, played, "event").counts[spec.cores[0].core][0]
    columns = np.stack([played.x, played.y, played.t, played.c], axis=1)
    np.savez(tmp_path / "chip.npz", events_0=columns, counts_0=fired)
    np.save(tmp_path / "outputs.npy", np.zeros((3, *spec.output_shape("output")), int))
    files = ("--framework", tmp_path / "outputs.npy", "--recorded", tmp_path / "chip.npz")
    words = ("verify", net, "--input", recordings, "--convention", "torch", *files)
    document = ask(*words)
    body = document["body"]
    assert body["rungs"][0]["name"] == "framework"
    assert body["rungs"][0]["decisions"] == {"output": [-1, -1, -1]}
    assert "ND703" in codes(document)
    silicon = body["recorded"]
    assert [rung["name"] for rung in silicon["rungs"]][-2:] == ["chip", "silicon"]
    (layer,) = silicon["comparisons"][-1]["layers"]
    assert (layer["equal"], layer["neurons"]) == (fired.size, fired.size)
    assert (silicon["samples"], silicon["recorded"], silicon["labels"]) == (1, None, None)
    stdout = run(*words).stdout
    assert "Recordings that were played to a chip, and its spikes: 1 samples of" in stdout
    assert "silicon first differs from chip: nowhere" in stdout
    assert codes(ask(*words[:6], "--recorded", tmp_path / "outputs.npy", code=2)) == ["ND511"]
    assert codes(ask(*words[:6], "--framework", recordings, code=2)) == ["ND706"] * len(np.load(recordings).files)


def test_rungs_that_must_be_equal_and_are_not(net: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ladder, "group", lambda network: tuple(dataclasses.replace(layer, threshold=9.0) for layer in group(network))
    )
    document = ask("verify", net, "--input", recordings, "--convention", "torch", code=1)
    assert {"ND704", "ND707"} <= set(codes(document))
    assert [rung["name"] for rung in document["body"]["rungs"]][-1] == "chip", "all that was found is told"
