"""The command as a process: words that nobody understands, closed pipes, terminals."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from commands import process, run

import nirdynap
from nirdynap.cli.main import COMMANDS, main
from nirdynap.schema import validate


def test_version_and_help() -> None:
    assert run("--version").stdout == f"nirdynap {nirdynap.__version__}\n"
    for words in ((), ("--help",)):
        result = run(*words)
        assert result.exit_code == 0
        assert all(name in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_tells_its_options(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout


@pytest.mark.parametrize(
    ("words", "found", "hint"),
    [
        (("dance",), "No such command 'dance'", "nirdynap --help"),
        (("check",), "Missing argument 'FILE.nir'", "nirdynap check --help"),
        (("check", "net.nir", "--bogus"), "No such option: --bogus", "nirdynap check --help"),
        (("convert", "net.nir"), "Missing option '--output'", "nirdynap convert --help"),
        (("simulate", "n.nir", "--input", "r", "--dt-us", "x"), "--dt-us", "nirdynap simulate --help"),
    ],
)
def test_wrong_words(words: tuple[str, ...], found: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main(words)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ND902 bad command line, at $.argv: ")
    assert found in err
    assert err.endswith(f"; try {hint}\n")
    if words[0] in COMMANDS:
        with pytest.raises(SystemExit, match=r"^2$"):
            main([*words, "--json"])
        out, err = capsys.readouterr()
        assert err == ""
        assert validate(json.loads(out), "result-v1") == ()


def test_streams_and_exit_codes_of_a_process(net: Path, too_large: Path, tmp_path: Path) -> None:
    fits = process("check", net, "--convention", "torch")
    assert fits.returncode == 0
    assert all(text.startswith(("warning: ", "note: ")) for text in fits.stderr.splitlines())
    refused = process("check", too_large)
    assert refused.returncode == 1
    assert refused.stderr.startswith("ND3")
    absent = process("check", tmp_path / "absent.nir")
    assert (absent.returncode, absent.stdout) == (2, "")
    document = process("check", too_large, "--json")
    assert (document.returncode, document.stderr) == (1, "")
    assert validate(json.loads(document.stdout), "result-v1") == ()


def test_a_closed_pipe_is_no_error() -> None:
    for words in (("chips", "speck2f"), ("chips", "--json"), ("chips", "loihi")):
        read_end, write_end = os.pipe()
        os.close(read_end)
        command = [sys.executable, "-m", "nirdynap.cli", *words]
        both = subprocess.STDOUT if "loihi" in words else subprocess.PIPE
        done = subprocess.run(command, stdout=write_end, stderr=both, check=False, timeout=60)
        os.close(write_end)
        assert done.returncode == (2 if "loihi" in words else 0)
        assert not done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to write to")
def test_a_full_disk_is_told() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "nirdynap.cli", "chips"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("ND903 system error, at <stdout>: No space left on device")
    assert len(done.stderr.splitlines()) == 1


def test_an_encoding_without_the_letters(net: Path) -> None:
    done = process("show", net, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "Traceback" not in done.stderr


def on_a_terminal(*words: object) -> tuple[str, str]:
    """What the command prints on a pipe as stdout, and on a terminal as stderr."""
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "nirdynap.cli", *map(str, words)]
    environment = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": ""}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end, text=True, env=environment) as running:
        os.close(end)
        shown = b""
        try:
            while piece := os.read(terminal, 4096):
                shown += piece
        except OSError:  # how Linux says that the other end is closed
            pass
        assert running.stdout is not None
        out = running.stdout.read()
    os.close(terminal)
    assert running.returncode == 0
    return out, shown.decode()


def test_the_bar_of_verify_counts_samples_on_all_rungs(net: Path, recordings: Path) -> None:
    _, shown = on_a_terminal("verify", net, "--input", recordings)
    assert "21/21" in shown


def test_progress_is_shown_on_a_terminal_only(net: Path, recordings: Path) -> None:
    words = ("simulate", net, "--convention", "torch", "--input", recordings)
    out, shown = on_a_terminal(*words)
    assert "simulating" in shown
    assert "3/3" in shown
    assert "\x1b" not in out
    assert process(*words).stdout == out
    out, shown = on_a_terminal(*words, "--json")
    assert validate(json.loads(out), "result-v1") == ()
