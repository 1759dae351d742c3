"""What the page on torch layers says of sinabs' layers was run on both sides (``make live`` writes the results).

To run it here and now, name a Python that has sinabs and what nirdynap needs:
``SINABS=/path/to/python pytest tests/live/test_layers_of_sinabs.py``.
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
PAGE = (ROOT / "docs" / "torch-layers.md").read_text(encoding="utf-8")
RESULTS: dict[str, Any] = json.loads((HERE / "results" / "layers_of_sinabs.json").read_text(encoding="utf-8"))


def test_the_page_marks_what_was_equal() -> None:
    marked = [re.search(r"`(\w+)", line) for line in PAGE.splitlines() if line.endswith("| = |")]
    assert [name[1] for name in marked if name] == ["IAF", *RESULTS["equal"]]
    assert f"sinabs {RESULTS['sinabs']}" in PAGE
    assert f"{RESULTS['neurons']} combinations" in PAGE


@pytest.mark.skipif("SINABS" not in os.environ, reason="no Python with sinabs named")
def test_both_sides_are_equal_now(tmp_path: Path) -> None:
    file = tmp_path / "now.json"
    command = [os.environ["SINABS"], "-W", "ignore", str(HERE / "layers_of_sinabs.py"), "sinabs", str(file)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    assert json.loads(file.read_text(encoding="utf-8")) == RESULTS
