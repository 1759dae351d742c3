"""nirdynap evaluate."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import ask, codes, run, write_events

import nirdynap
from nirdynap.store.recordings import read_recordings


@pytest.fixture(scope="module")
def spec_file(net: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "net.spec.json"
    nirdynap.save(nirdynap.nir_to_dynapcnn(net, convention="sinabs"), path)
    return path


def test_a_spec_and_its_graph_give_the_answer_of_python(
    net: Path, spec_file: Path, recordings: Path, tmp_path: Path
) -> None:
    path = tmp_path / "r.parquet"
    of_spec = ask("evaluate", spec_file, "--input", recordings, "--workers", 1, "--output", path)
    of_graph = ask("evaluate", net, "--convention", "sinabs", "--input", recordings, "--workers", 1)
    assert of_spec["body"] == {**of_graph["body"], "output": str(path)}
    body = of_spec["body"]
    read = read_recordings(recordings)
    result = nirdynap.simulate(nirdynap.load(spec_file), read.samples, "event")
    assert (body["semantics"], body["samples"], body["labelled"], body["failed"]) == ("event", 3, 3, 0)
    assert body["outputs"][0]["correct"] == int((result.decision == read.labels).sum())
    assert [core["spikes"]["mean"] * 3 for core in body["cores"]] == pytest.approx(
        [stats.spikes for stats in result.stats.values()]
    )
    assert pq.ParquetFile(path).read(["decision"]).to_pydict() == {"decision": result.decision.tolist()}


def test_any_executor(spec_file: Path, recordings: Path) -> None:
    words = ("evaluate", spec_file, "--input", recordings)
    assert ask(*words, "--executor", "concurrent.futures:ThreadPoolExecutor") == ask(*words, "--workers", 1)
    for name in ("concurrent.futures", "no_such_module:make", "concurrent.futures:Absent", "os:getcwd"):
        document = ask(*words, "--executor", name, code=2)
        assert codes(document) == ["ND902"]
        assert f"--executor {name} makes none" in document["diagnostics"][0]["found"]


def test_tables(spec_file: Path, recordings: Path) -> None:
    words = "--workers 1 --semantics clocked --spikes-per-step one --dt-us 2000 --group-size 1 --in-flight 2"
    out = run("evaluate", spec_file, "--input", recordings, *words.split()).stdout
    assert out.startswith(f"{spec_file} on speck2f: clocked run of 3 samples (0.060 s), convention sinabs")
    assert "Synaptic operations per second" in out
    assert "% of the 100 million synaptic operations per second that a third party, not the vendor, reports" in out
    assert "Accuracy of output output: " in out


def test_samples_without_a_result_are_told(spec_file: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_events(tmp_path / "set" / "a.npz", samples=2)
    np.savez(tmp_path / "set" / "b.npz", t=[0], c=[7], y=[0], x=[0])
    document = ask("evaluate", spec_file, "--input", tmp_path / "set", "--workers", 1, code=1)
    assert "ND753" in codes(document)
    assert document["body"]["failed"] == 1
    assert document["body"]["failures"][0]["name"] == "b.npz:0"


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        (("--semantics", "analog"), "ND507"),
        (("--workers", "0"), "ND507"),
        (("--output", "r.csv"), "ND606"),
        (("--reset", "zero"), "ND902"),
        (("--input", "absent.npz"), "ND511"),
        (("--input", "."), "ND751"),
    ],
)
def test_wrong_words(
    spec_file: Path,
    recordings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, str],
    finding: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert codes(ask("evaluate", spec_file, "--input", recordings, *words, code=2)) == [finding]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a group of processes")
def test_ctrl_c_stops_quietly_and_the_same_command_goes_on(spec_file: Path, tmp_path: Path) -> None:
    recordings = write_events(tmp_path / "many.npz", samples=6000)
    path = tmp_path / "r.parquet"
    words = ("evaluate", spec_file, "--input", recordings, "--workers", 2, "--group-size", 2, "--output")
    command = [sys.executable, "-m", "nirdynap.cli", *map(str, (*words, path))]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, start_new_session=True) as process:  # type: ignore[call-overload]
        folder = tmp_path / "r.parquet.parts"
        while process.poll() is None and len(list(folder.glob("0*.parquet"))) < 5:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert re.search(
        rb"^ND758 stopped, at .*r\.parquet\.parts: \d+ samples are done, and kept; try the same again", err, re.M
    )
    assert b"Traceback" not in err
    assert not path.exists()
    done = {part: part.stat().st_mtime_ns for part in folder.glob("0*.parquet")}
    assert 5 <= len(done) < 3000
    whole = ask(*words, tmp_path / "whole.parquet")["body"]
    again = ask(*words, path)["body"]
    assert again == {**whole, "output": str(path)}
    assert path.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert not folder.exists()
