"""The page of networks that sinabs refuses or changes is what conversion gives today, and sinabs' answers are its own.

``SINABS=/path/to/python pytest tests/live/test_hard_networks.py`` asks sinabs here and now.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS: dict[str, Any] = json.loads((HERE / "results" / "hard_networks.json").read_text(encoding="utf-8"))
PAGE = runpy.run_path(str(ROOT / "docs" / "generate_hard.py"))


def test_the_page_is_what_conversion_gives_today() -> None:
    assert (ROOT / "docs" / "hard-networks.md").read_text(encoding="utf-8") == PAGE["page"](), "run make docs"


def test_every_network_was_given_to_sinabs() -> None:
    assert list(RESULTS["rows"]) == [case.name for case in PAGE["CASES"]]


def test_no_row_is_one_that_sinabs_converts_as_it_is() -> None:
    """Each is refused, or has other spikes, or is written otherwise than it is simulated, or where it cannot run."""
    plain = [
        name
        for name, answers in RESULTS["rows"].items()
        if all(answer.get("differ") == 0 and not answer["written"] for answer in answers if "error" not in answer)
        and not any("error" in answer for answer in answers)
    ]
    assert plain == ["core -1", "16 bits"]  # a core that there is not, and numbers that the chip cannot hold


@pytest.mark.skipif("SINABS" not in os.environ, reason="no Python with sinabs named")
def test_sinabs_says_so_now(tmp_path: Path) -> None:
    file = tmp_path / "now.json"
    command = [os.environ["SINABS"], "-W", "ignore", str(HERE / "hard_networks_sinabs.py"), "sinabs", str(file)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    assert json.loads(file.read_text(encoding="utf-8")) == RESULTS
