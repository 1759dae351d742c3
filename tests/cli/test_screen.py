"""Tables and lines for people."""

from __future__ import annotations

import pytest
import typer

from nirdynap.cli.answer import Answer, respond
from nirdynap.cli.screen import lines, ranges, reading_words, share, table, visible
from nirdynap.errors import KERNEL_MEMORY, NO_FILE_VERSION
from nirdynap.ir.convention import CONVENTIONS, Convention, resolve_convention
from nirdynap.ir.units import shape_text


def printed(answer: Answer, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit):
        respond("check", lambda: answer, as_json=False)
    return capsys.readouterr().out


def test_nothing_is_cut_off_in_a_pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    grid = table(["name", "number #"], [["n" * 500, 2**60], ["[b]", 7]], title="Title")
    text = printed(Answer(body=None, tables=("x" * 300, grid)), capsys)
    lines = text.splitlines()
    assert lines[0] == "x" * 300
    assert lines[1:3] == ["", "Title"]
    assert lines[-2].split() == ["n" * 500, str(2**60)]
    assert lines[-1].split() == ["[b]", "7"]
    assert len(lines[-1]) == len(lines[-2]), "numbers are set to the right"


def test_texts_are_folded_and_numbers_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    grid = table(["number #", "text ..."], [[2**200, "word " * 100]])
    text = printed(Answer(body=None, tables=(grid,)), capsys)
    assert str(2**200) in text
    assert text.count("word") == 100
    assert len(text.splitlines()) > 3


def test_visible() -> None:
    assert visible("conv [1] µs") == "conv [1] µs"
    assert visible("a\nb\x1b[0m\u202e\udc80") == r"a\nb\x1b[0m\u202e\udc80"


def test_words_for_numbers() -> None:
    assert shape_text((2, 34, 34)) == "2x34x34"
    assert share(9999, 10_000) == "99.9 %"
    assert share(3, 3) == "100.0 %"
    assert share(0, 0) == "0.0 %"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(1, "n0"), (4, "n0, n1, n2, n3"), (5, "n0, n1, n2 and 2 more"), (10, "n0, n1, n2 and 7 more")],
)
def test_what_differs_in_its_place_only_is_one_line(count: int, shown: str) -> None:
    other = KERNEL_MEMORY.at("$", need=2, room=1, core=0, remedy="less")
    findings = [NO_FILE_VERSION.at(f"n{i}") for i in range(count)]
    texts = [str(text) for text in lines([findings[0], other, *findings[1:]])]
    assert texts == [str(text) for text in lines([NO_FILE_VERSION.at(shown), other])]
    assert f"at {shown}: " in texts[0]


def test_reading_words() -> None:
    assert reading_words(CONVENTIONS["sinabs"]) == "convention sinabs"
    ours = resolve_convention("sinabs", reset="zero", v_min=-1.0, delay="drop")
    assert reading_words(ours) == "convention sinabs, reset zero, v_min -1, delay drop"
    assert reading_words(Convention(name="own", delay=1)) == "convention own, delay 1"


def test_ranges() -> None:
    assert ranges([]) == "none"
    assert ranges([3]) == "3"
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"
