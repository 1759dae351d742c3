"""nirdynap check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nir
import numpy as np
import pytest
from commands import ask, codes, run, write_graph

import nirdynap


def test_a_network_that_fits(net: Path) -> None:
    result = run("check", net, "--convention", "torch")
    assert result.exit_code == 0
    report = nirdynap.check(net, convention="torch")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{net} fits speck2f, convention torch"
    conv = next(line.split() for line in lines if line.startswith("conv"))
    assert conv[:3] == ["conv", "conv,", "if1,"]
    assert [int(n) for n in conv if n.isdigit()][:1] == [report.layers[0].memory.kernel]
    assert len([line for line in lines if line.strip()[:1].isdigit()]) == 9  # the core map


def test_the_document_is_the_report(net: Path) -> None:
    document = ask("check", net, "--chip", "speck2e")
    report = nirdynap.check(net, "speck2e")
    body = document["body"]
    assert (body["fits"], body["chip"], body["digest"]) == (True, "speck2e", report.digest)
    assert [layer["core"] for layer in body["layers"]] == [layer.core for layer in report.layers]
    assert len(body["cores"]) == 9
    assert codes(document) == [finding.code for finding in report.diagnostics]


def test_all_options_reach_the_reader(net: Path) -> None:
    words = "--convention sinabs --reset zero --v-min -threshold --tie waits --spikes-per-step one --dt 0.01"
    words += " --flatten hwc --delay drop --input-shape 2x8x8 --bias-bits 16 --chip speck2fdevkit:0"
    document = ask("check", net, *words.split())
    report = nirdynap.check(
        net,
        "speck2f",
        convention="sinabs",
        reset="zero",
        v_min="-threshold",
        tie="waits",
        spikes_per_step="one",
        flatten="hwc",
    )
    assert report.digest is not None
    assert document["body"]["digest"] == report.digest
    assert document["body"]["digest"] != ask("check", net)["body"]["digest"]


def test_the_headline_tells_what_was_set_otherwise(net: Path) -> None:
    result = run("check", net, *["--convention", "sinabs", "--reset", "zero", "--v-min", "-1", "--tie", "fires"])
    assert result.stdout.splitlines()[0] == f"{net} fits speck2f, convention sinabs, reset zero, v_min -1"
    assert "docs/does-it-fit.md" in result.stdout


def test_a_network_that_cannot_be_lowered_has_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "leaky.nir"
    one = np.ones(2)
    graph = nir.NIRGraph.from_list(
        nir.Input({"input": np.array([2])}),
        nir.Linear(np.eye(2)),
        nir.LIF(tau=one, r=one, v_leak=one, v_threshold=one),
        nir.Output({"output": np.array([2])}),
    )
    nir.write(path, graph)
    result = run("check", path)
    assert (result.exit_code, result.stdout) == (1, f"{path} does NOT fit speck2f, convention auto\n")
    result = run("check", path, "--dt", "0.001")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{path} does NOT fit speck2f, convention nir, dt 0.001\n")
    assert "ND212 leak, at $.nodes.lif: the membrane decays to 0.999 of itself" in result.stderr


def test_a_spec_is_not_checked(net: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    nirdynap.save(nirdynap.nir_to_dynapcnn(net), spec)
    assert codes(ask("check", spec, code=2)) == ["ND902"]


def test_a_network_that_does_not_fit(too_large: Path) -> None:
    result = run("check", too_large, "--convention", "torch", "--split", "never")
    assert result.exit_code == 1
    assert "does NOT fit speck2f" in result.stdout
    findings = [
        str(d)
        for d in nirdynap.check(too_large, convention="torch", split="never").diagnostics
        if d.severity == "error"
    ]
    assert result.stderr.splitlines()[: len(findings)] == findings
    assert any(finding.startswith("ND301 kernel memory, at $.nodes.fc: needs ") for finding in findings)
    body = ask("check", too_large, "--split", "never", code=1)["body"]
    assert body["digest"] is None
    assert all(layer["core"] is None for layer in body["layers"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--chip", "speck9"), "ND324"),
        (("--chip", "absent.toml"), "ND325"),
        (("--convention", "brian"), "ND125"),
        (("--reset", "never"), "ND126"),
        (("--input-shape", "2,a"), "ND126"),
        (("--v-min", "-inf"), "ND126"),
        (("--v-min", "low"), "ND126"),
        (("--bias-bits", "7"), "ND126"),
        (("--split", "sometimes"), "ND126"),
        (("--placement", "3"), "ND126"),
        (("--placement", "conv1=one"), "ND126"),
        (("--avoid", "0,nine"), "ND126"),
    ],
)
def test_wrong_words(net: Path, words: tuple[str, str], code: str) -> None:
    document = ask("check", net, *words, code=2)
    assert codes(document) == [code]
    assert document["body"] is None
    result = run("check", net, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{code} ")


@pytest.mark.parametrize("content", [b"", b"words", b"\x89HDF\r\n\x1a\n" + bytes(100), None])
def test_bad_files(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.nir"
    if content is not None:
        path.write_bytes(content)
    for command in ("check", "show"):
        assert codes(ask(command, path, code=2)) == ["ND101"]
        result = run(command, path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"ND101 unreadable file, at {path}: ")
        assert len(result.stderr.splitlines()) == 1


def test_a_truncated_file_at_any_length(net: Path, tmp_path: Path) -> None:
    path, whole = tmp_path / "cut.nir", net.read_bytes()
    for length in np.linspace(1, len(whole) - 1, 25).astype(int):
        path.write_bytes(whole[:length])
        assert run("check", path).exit_code == 2


def test_names_are_shown_as_they_are_and_on_one_line(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "net.nir", names=("[red]", "a\nb\x1b[31m"))
    result = run("check", path, "--convention", "torch")
    assert result.exit_code == 0
    assert "[red]" in result.stdout
    assert r"a\nb\x1b[31m" in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    assert ask("check", path)["body"]["layers"][1]["name"] == "a\nb\x1b[31m"


def test_no_heavy_guest_is_loaded(net: Path) -> None:
    code = (
        "import sys\nfrom nirdynap.cli.main import main\n"
        "try: main(['check', sys.argv[1]])\nexcept SystemExit as leave: code = leave.code\n"
        "heavy = {'torch', 'numba', 'scipy', 'nir', 'jsonschema', 'hypothesis'} & set(sys.modules)\n"
        "assert not heavy, heavy\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, net], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)


def test_the_network_of_the_nir_paper(shared_data: Path) -> None:
    body = ask("check", shared_data / "nmnist_speck" / "cnn_sinabs.nir", "--convention", "sinabs")["body"]
    assert [layer["memory"]["kernel"] for layer in body["layers"]] == [1024, 4096, 2048, 32768, 4096]
    assert [layer["memory"]["neuron"] for layer in body["layers"]] == [4096, 4096, 512, 256, 10]


def test_real_files_that_are_refused(shared_data: Path) -> None:
    for path in sorted((shared_data / "nir_files").glob("*.nir")):
        for command in ("check", "show"):
            result = run(command, path, "--convention", "sinabs")
            assert result.exit_code in (0, 1)
            assert (result.exit_code == 1) == any(line.startswith("ND") for line in result.stderr.splitlines())


def test_cores_as_asked_for(net: Path) -> None:
    names = [layer["name"] for layer in ask("check", net)["body"]["layers"]]
    words = ("--placement", f"{names[0]}=8,{names[1]}=3+4", "--avoid", "0,1", "--trim")
    body = ask("check", net, *words)["body"]
    assert body["fits"]
    assert [(layer["name"], layer["core"]) for layer in body["layers"]][:3] == [
        (names[0], 8),
        (names[1], 3),
        (names[1], 4),
    ]
    split = ask("check", net, "--split", f"{names[1]}=2")["body"]["layers"]
    assert [layer["name"] for layer in split].count(names[1]) == 2


@pytest.mark.parametrize("option", ["--placement", "--split", "--decimator"])
def test_a_name_that_is_said_twice(net: Path, option: str) -> None:
    document = ask("check", net, option, "conv=0,conv=1", code=2)
    assert codes(document) == ["ND126"]
    hint = document["diagnostics"][0]["hint"]
    assert "conv once" in hint
    assert ("conv=0+1" in hint) == (option == "--placement")


def test_an_answer_names_the_options_of_the_terminal(net: Path) -> None:
    found = ask("check", net, "--readout", "--readout-output", "nowhere", code=1)
    assert any(d["code"] == "ND335" and "--readout-output" in d["hint"] for d in found["diagnostics"])
    for words in (["--readout-value", "most"], ["--readout-selected", "16"]):
        assert codes(ask("check", net, "--readout", *words, code=2)) == ["ND126"]
    assert codes(ask("check", net, "--readout-always", code=2)) == ["ND126"]
