"""The page for people who come from sinabs says something about every method, and what it says was run on both sides.

``make live`` writes the results. To run sinabs' side here and now, name a Python that has it (and what nirdynap needs):
``SINABS=/path/to/python pytest tests/live/test_coming_from_sinabs.py``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = (ROOT / "docs" / "coming-from-sinabs.md").read_text(encoding="utf-8")
RESULTS: dict[str, Any] = json.loads((HERE / "results" / "coming_from_sinabs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RESULTS["documented"])
def test_every_method_is_on_the_page(name: str) -> None:
    first_cells = " ".join(line.split(" | ")[0] for line in PAGE.splitlines() if line.startswith("| `"))
    assert re.search(rf"(?<![a-z_]){name}(?![a-z0-9_])", first_cells), f"the page says nothing about {name}"


def test_both_sides_were_equal() -> None:
    assert set(RESULTS["rows"].values()) == {"equal"}
    assert RESULTS["sinabs"] in PAGE


def test_the_page_marks_what_was_run() -> None:
    """One mark for each row that was run; rows of the same name in two classes were run for each."""
    assert sum(line.endswith("| = |") for line in PAGE.splitlines()) == len(RESULTS["rows"])


@pytest.mark.skipif("SINABS" not in os.environ, reason="no Python with sinabs named")
def test_both_sides_are_equal_now(tmp_path: Path) -> None:
    file = tmp_path / "now.json"
    command = [os.environ["SINABS"], "-W", "ignore", str(HERE / "coming_from_sinabs.py"), "sinabs", str(file)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    assert json.loads(file.read_text(encoding="utf-8")) == RESULTS
