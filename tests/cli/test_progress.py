"""What the library has to say while a command runs."""

from __future__ import annotations

import io
import logging

import pytest

from nirdynap.cli.progress import progress

_LOGGER = logging.getLogger("nirdynap")


class _Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_warnings_are_shown_and_the_bar_on_a_terminal_only(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = _Stream(terminal)
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(_LOGGER, "propagate", False)  # pytest listens above
    with progress("simulating") as tell:
        _LOGGER.warning("compiling, once")
        tell(1, 2)
    assert stream.getvalue().count("compiling, once\n") == 1
    assert ("simulating" in stream.getvalue()) == terminal
    _LOGGER.warning("and then")
    assert "and then\n" in stream.getvalue()
