"""What the importers of other frameworks made of our files: all that they can express is equal, and not out of date.

``make live`` runs the frameworks and writes the results (back_again.py); here they are held against the specs and
graphs as they are made now, without any framework.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.live.back_again_cases import IMPORTED, IN_MEMORY, TOLD, Case, cases

import nirdynap

RESULTS = Path(__file__).parent / "results"
CASES = cases()
RENEW = "run make live"


def results(framework: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"back_again_{framework}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("framework", ["sinabs", "spikingjelly"])
def test_every_case_was_run(framework: str) -> None:
    found = results(framework)
    assert found["framework"] == framework
    assert set(found["versions"]) == {framework, "nir", "nirtorch", "torch"}
    assert [case["name"] for case in found["cases"]] == [case.name for case in CASES], RENEW
    assert sum(case["outcome"] == "equal" for case in found["cases"]) >= 3


@pytest.mark.parametrize("framework", ["sinabs", "spikingjelly"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_framework_spikes_like_the_spec_as_it_is_now(framework: str, case: Case, tmp_path: Path) -> None:
    found = next(c for c in results(framework)["cases"] if c["name"] == case.name)
    assert (found["spec"], found["how"]) == (case.spec.digest(), case.frameworks[framework]), RENEW
    if case.frameworks[framework] not in (IMPORTED, TOLD, IN_MEMORY):
        assert found["outcome"] == "not expressible"
        return
    assert found["outcome"] == "equal"
    nirdynap.write(nirdynap.dynapcnn_to_nir(case.spec), tmp_path / "net.nir")
    assert found["file"] == hashlib.sha256((tmp_path / "net.nir").read_bytes()).hexdigest(), RENEW
    run = nirdynap.simulate(case.spec, case.raster(), "clocked", saturate=False)
    counts = {f"{core.name}_if": int(run.counts[core.core].sum()) for core in case.spec.cores}
    assert found["spikes"] == counts, RENEW
    assert min(counts.values()) > 0, "a silent layer proves nothing"
