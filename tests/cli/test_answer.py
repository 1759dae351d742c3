"""Exit codes, and what can go wrong around every command."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import typer

from nirdynap.cli.answer import Answer, ExitCode, exit_code, plain, respond
from nirdynap.errors import (
    BAD_OPTION,
    CATALOGUE,
    KERNEL_MEMORY,
    NO_FILE_VERSION,
    NOT_A_NIR_FILE,
    ROUNDING_MOVED_SPIKE,
    WEIGHTS_VANISH,
    CompileError,
    Diagnostic,
)
from nirdynap.ir.spec import Memory

TOO_LARGE = KERNEL_MEMORY.at("$.nodes.conv", need=2, room=1, core=0, remedy="less")
WARNING = NO_FILE_VERSION.at("$.version")


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([WARNING], 0),
        ([WARNING, TOO_LARGE], 1),
        ([NOT_A_NIR_FILE.at("net.nir", value="words")], 2),
        ([TOO_LARGE, BAD_OPTION.at("$.reset", parameter="reset", value="a", limit="b")], 2),
        ([BAD_OPTION.at("$.nodes.if1", parameter="reset", value="a", limit="b")], 1),
    ],
)
def test_exit_codes(findings: list[Diagnostic], code: int) -> None:
    assert exit_code(findings) == code


def test_every_finding_about_files_and_words_is_a_usage_error() -> None:
    filled = Diagnostic(code="", severity="error", title="", place="$", found="", hint="")
    usage = {c for c in CATALOGUE if exit_code([dataclasses.replace(filled, code=c)]) is ExitCode.USAGE}
    refused = {"ND607", "ND642", "ND645", "ND660"}  # what the network cannot be exported to
    assert {c for c in CATALOGUE if c.startswith(("ND6", "ND9"))} - refused < usage
    assert not refused & usage
    assert not any(c.startswith(("ND2", "ND4")) for c in usage)
    assert {c for c in usage if c.startswith("ND70")} == {"ND705", "ND706"}  # what a framework gave, a chip fired


def leave(
    ask: Callable[[], Answer], capsys: pytest.CaptureFixture[str], command: str = "check"
) -> tuple[int, str, str]:
    with pytest.raises(typer.Exit) as caught:
        respond(command, ask, as_json=False)
    out, err = capsys.readouterr()
    return caught.value.exit_code, out, err


def fail(error: BaseException) -> Callable[[], Answer]:
    def ask() -> Answer:
        raise error

    return ask


def test_errors_are_diagnostics(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(fail(CompileError([TOO_LARGE, WARNING])), capsys) == (1, "", f"{TOO_LARGE}\nwarning: {WARNING}\n")
    code, out, err = leave(fail(PermissionError(13, "Permission denied", "net.nir")), capsys)
    assert (code, out) == (2, "")
    assert err.startswith("ND903 system error, at net.nir: Permission denied; try ")
    code, out, err = leave(fail(MemoryError()), capsys)
    assert (code, out) == (2, "")
    assert err.startswith("ND903 system error, at $: out of memory; try ")


@pytest.mark.parametrize("command", ["check", "convert", "export", "show", "demo", "simulate", "verify"])
def test_notes_on_the_network_are_not_told_on_every_run(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    note = WEIGHTS_VANISH.at("$.nodes.fc", value=1, limit=2)
    moved = ROUNDING_MOVED_SPIKE.at("$.nodes.fc", value=1, limit=0, step=0, sample=0, where=(0, 0, 0), distance=0.0)
    answer = Answer(body={}, diagnostics=(WARNING, note, moved))
    _, _, err = leave(lambda: answer, capsys, command)
    told = [f"warning: {WARNING}", *[f"note: {note}"] * (command not in ("simulate", "verify")), f"note: {moved}"]
    assert err.splitlines() == told


def test_an_interrupt_leaves_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(fail(KeyboardInterrupt()), capsys) == (130, "", "")


def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(AssertionError):
        respond("check", fail(AssertionError("ours")), as_json=False)


def test_plain() -> None:
    value = {"a": (Memory(1, 2, 3), np.int8(4)), "b": np.eye(1), "c": float("inf"), "d": None, "e": WARNING}
    assert plain(value) == {
        "a": [{"kernel": 1, "neuron": 2, "bias": 3}, 4],
        "b": [[1.0]],
        "c": "inf",
        "d": None,
        "e": {field.name: getattr(WARNING, field.name) for field in dataclasses.fields(WARNING)},
    }
