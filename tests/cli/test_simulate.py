"""nirdynap simulate."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from commands import ask, codes, run, write_events

import nirdynap
from nirdynap.store.recordings import read_recordings


@pytest.fixture(scope="module")
def spec_file(net: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "net.spec.json"
    nirdynap.save(nirdynap.nir_to_dynapcnn(net, convention="sinabs"), path)
    return path


def expected(spec: nirdynap.Spec, recordings: Path, semantics: Any, **options: Any) -> dict[str, Any]:
    """Part of the body, from the Python API."""
    read = read_recordings(recordings)
    result = nirdynap.simulate(spec, read.samples, semantics, **options)
    last = spec.outputs[0].core
    stats = result.stats[last]
    return {
        "counts": result.counts[last].reshape(len(result.counts[last]), -1).tolist(),
        "decision": result.decision.tolist(),
        "correct": int((result.decision == read.labels).sum()),
        "stats": [stats.spikes, stats.synaptic_operations, stats.saturated, stats.dropped],
    }


def told(document: dict[str, Any]) -> dict[str, Any]:
    body = document["body"]
    core = body["cores"][-1]
    output = body["outputs"]["output"]
    return {
        **{name: output[name] for name in ("counts", "decision", "correct")},
        "stats": [core[name] for name in ("spikes", "synaptic_operations", "saturated", "dropped")],
    }


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_a_spec_and_its_graph_give_the_answer_of_python(
    net: Path, spec_file: Path, recordings: Path, semantics: str
) -> None:
    words = ("--input", recordings, "--semantics", semantics)
    of_spec = ask("simulate", spec_file, *words)
    of_graph = ask("simulate", net, "--convention", "sinabs", *words)
    assert of_spec["body"] == of_graph["body"]
    assert of_spec["body"]["semantics"] == semantics
    assert of_spec["body"]["samples"] == 3
    assert told(of_spec) == expected(nirdynap.load(spec_file), recordings, semantics)
    assert sum(map(sum, told(of_spec)["counts"])) > 0


def test_options_reach_the_simulator(spec_file: Path, recordings: Path) -> None:
    spec = nirdynap.load(spec_file)
    words = "--semantics event --order breadth --emission channel --dt-us 2000 --duration-us 30000 --bias-clock-us 700"
    document = ask("simulate", spec_file, "--input", recordings, *words.split())
    options = {"order": "breadth", "emission": "channel", "dt_us": 2000, "duration_us": 30000, "bias_clock_us": 700}
    assert told(document) == expected(spec, recordings, "event", **options)
    assert document["body"]["dt_us"] == 2000
    document = ask("simulate", spec_file, "--input", recordings, "--no-saturate", "--spikes-per-step", "one")
    assert told(document) == expected(spec, recordings, "clocked", saturate=False, spikes_per_step="one")


def test_times_in_the_file_hold_unless_told_otherwise(spec_file: Path, tmp_path: Path) -> None:
    recordings = write_events(tmp_path / "r.npz", dt_us=5000, duration_us=40_000)
    assert ask("simulate", spec_file, "--input", recordings)["body"]["dt_us"] == 5000
    assert ask("simulate", spec_file, "--input", recordings, "--dt-us", "500")["body"]["dt_us"] == 500


def test_what_people_see(spec_file: Path, recordings: Path) -> None:
    result = run("simulate", spec_file, "--input", recordings, "--semantics", "event")
    assert result.exit_code == 0
    warning, note = result.stderr.splitlines()
    assert warning.startswith("warning: ND134 not settled by the file, ")
    assert note.startswith("note: ND745 lower bound not reached, at ")
    assert "; try converting the network again: saying it" in result.stderr
    assert "event run, 3 samples" in result.stdout
    body = expected(nirdynap.load(spec_file), recordings, "event")
    for counts in body["counts"]:
        assert " ".join(map(str, counts)) in result.stdout
    assert f"({body['correct']} of 3)" in result.stdout


def test_many_samples_are_not_all_printed(spec_file: Path, tmp_path: Path) -> None:
    recordings = write_events(tmp_path / "r.npz", samples=21)
    result = run("simulate", spec_file, "--input", recordings)
    assert "The first 20 of 21 samples" in result.stdout
    assert len(ask("simulate", spec_file, "--input", recordings)["body"]["outputs"]["output"]["decision"]) == 21


def test_the_output_file(spec_file: Path, recordings: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.npz"
    assert run("simulate", spec_file, "--input", recordings, "--output", output, "--record", "all").exit_code == 0
    with np.load(output) as file:
        document = ask("simulate", spec_file, "--input", recordings)
        assert file["counts"].reshape(3, -1).tolist() == told(document)["counts"]
        assert "core0.raster" in file
    absent = tmp_path / "absent" / "out.npz"
    assert codes(ask("simulate", spec_file, "--input", recordings, "--output", absent, code=2)) == ["ND605"]


def test_two_outputs(tmp_path: Path) -> None:
    nodes = {
        "input": nir.Input({"input": np.array([2])}),
        "fc": nir.Linear(np.eye(2)),
        "if": nir.IF(np.ones(2), np.ones(2)),
        "deep": nir.Linear(np.eye(2)),
        "if2": nir.IF(np.ones(2), np.ones(2)),
        "early": nir.Output({"output": np.array([2])}),
        "late": nir.Output({"output": np.array([2])}),
    }
    edges = [("input", "fc"), ("fc", "if"), ("if", "early"), ("if", "deep"), ("deep", "if2"), ("if2", "late")]
    nir.write(tmp_path / "two.nir", nir.NIRGraph(nodes=nodes, edges=edges))
    raster = np.array([[0, 1], [1, 1], [0, 1]]).reshape(3, 2, 1, 1)
    np.save(tmp_path / "r.npy", raster)
    words = ("simulate", tmp_path / "two.nir", "--convention", "torch", "--input", tmp_path / "r.npy")
    outputs = ask(*words, "--output", tmp_path / "out.npz")["body"]["outputs"]
    assert {name: output["counts"] for name, output in outputs.items()} == {"early": [[1, 3]], "late": [[1, 3]]}
    with np.load(tmp_path / "out.npz") as file:
        assert sorted(file["output_names"]) == ["early", "late"]
        assert file["output1.raster"].tolist() == raster[:, None].tolist()
    assert "Output early, 2x1x1" in run(*words).stdout


@pytest.mark.parametrize(
    ("words", "code", "finding"),
    [
        (("--semantics", "analog"), 2, "ND507"),
        (("--dt-us", "0"), 2, "ND507"),
        (("--order", "breadth"), 2, "ND507"),
        (("--duration-us", "5"), 2, "ND507"),
        (("--reset", "zero"), 2, "ND902"),
    ],
)
def test_wrong_options(spec_file: Path, recordings: Path, words: tuple[str, str], code: int, finding: str) -> None:
    assert finding in codes(ask("simulate", spec_file, "--input", recordings, *words, code=code))


def test_a_bad_value_is_told_once(spec_file: Path, recordings: Path) -> None:
    assert codes(ask("simulate", spec_file, "--input", recordings, "--order", "random", code=2)) == ["ND507"]


def test_recordings_that_do_not_fit(spec_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    np.savez(path, t=[0, 1], c=[0, 2], y=[0, 0], x=[0, 0])
    document = ask("simulate", spec_file, "--input", path, code=1)
    assert codes(document) == ["ND503"]
    np.savez(path, raster=np.zeros((3, 1, 8, 8), int))
    assert codes(ask("simulate", spec_file, "--input", path, code=1)) == ["ND504"]
    np.savez(path, words=["a"])
    result = run("simulate", spec_file, "--input", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"ND511 bad recording file, at {path}: ")


def test_a_recording_longer_than_anything_leaves_no_file(spec_file: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", t=[0, 2**60], c=[0, 0], y=[0, 0], x=[0, 0])
    output = tmp_path / "out.npz"
    document = ask("simulate", spec_file, "--input", tmp_path / "r.npz", "--output", output, code=1)
    assert codes(document) == ["ND512"]
    assert not output.exists()


def test_samples_without_an_output_spike(spec_file: Path, tmp_path: Path) -> None:
    raster = np.zeros((5, 2, 2, 8, 8), int)
    raster[:, 1] = 4
    np.savez(tmp_path / "r.npz", raster=raster, label=[0, 0])
    words = ("simulate", spec_file, "--input", tmp_path / "r.npz")
    output = ask(*words)["body"]["outputs"]["output"]
    assert [decision < 0 for decision in output["decision"]] == [True, False]
    assert output["correct"] == int(output["decision"][1] == 0)
    out = run(*words).stdout
    assert "1 of 2 samples without an output spike" in out
    assert ["0", "0", "-", "0", "0", "0", "0"] in [line.split() for line in out.splitlines()]


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_outside_the_outputs(spec_file: Path, tmp_path: Path, label: int) -> None:
    np.savez(tmp_path / "r.npz", raster=np.zeros((5, 2, 2, 8, 8), int), label=[2, label])
    document = ask("simulate", spec_file, "--input", tmp_path / "r.npz", code=2)
    assert codes(document) == ["ND756"]
    assert document["diagnostics"][0]["found"] == f"the label of sample 1 is {label}, the output neurons are 0 to 2"


def test_outputs_that_would_be_lost(spec_file: Path, recordings: Path, tmp_path: Path) -> None:
    words = ("simulate", spec_file, "--input", recordings)
    document = ask(*words, "--output", tmp_path / "out.h5", code=2)
    assert codes(document) == ["ND606"]
    assert list(tmp_path.iterdir()) == []
    assert codes(ask(*words, "--record", "all", code=2)) == ["ND902"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("delay_s", [0.3, 0.8, 1.6])  # while it imports, while it runs, and about where it writes
def test_ctrl_c_leaves_nothing_half_written(spec_file: Path, tmp_path: Path, delay_s: float) -> None:
    recordings = write_events(tmp_path / "many.npz", samples=3000)
    path = tmp_path / "out.npz"
    path.write_bytes(b"an older result")
    words = ("simulate", spec_file, "--input", recordings, "--record", "all", "--output", path)
    command = [sys.executable, "-m", "nirdynap.cli", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        time.sleep(delay_s)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert b"Traceback" not in err
    if process.returncode:
        # On a slow machine the first signal meets Python before it has come to us.
        assert process.returncode in (130, -signal.SIGINT)
        assert (out, path.read_bytes()) == (b"", b"an older result")
    else:  # a fast machine
        assert len(np.load(path)["start"]) >= 3000
    assert {file.name for file in tmp_path.iterdir()} == {"many.npz", "out.npz"}
