"""The live models' results are there for every framework, whole, good, and not older than what they tell of.

``make live`` runs the frameworks and writes them (run.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.live.expected import NOT_COMPARED, NOT_LOWERED
from tests.live.sources import FRAMEWORKS, source_digests

RESULTS = Path(__file__).parent / "results"


def results(framework: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{framework}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_results_are_of_the_files_as_they_are_now(framework: str) -> None:
    found = results(framework)
    assert found["framework"] == framework
    assert {framework, "nir", "numpy", "python"} <= set(found["versions"])
    now = source_digests(framework)
    assert [name for name in now if found["sources"].get(name) != now[name]] == [], "run make live"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_model_is_proven_or_refused_as_expected(framework: str) -> None:
    models = {model["name"]: model for model in results(framework)["models"]}
    assert [m for m in models.values() if m["outcome"].startswith("FAILED")] == []
    proven = {name: m for name, m in models.items() if not m["outcome"].startswith("refused: ND")}
    assert len(proven) >= 10
    assert len(models) - len(proven) >= 8
    for model in proven.values():
        assert model["silent"] == "", "a silent layer proves nothing"
        assert model["rounding"] <= 1e-3 * model["decisions"]
        assert len(model["file"]) == 64
    seen, layers = (sum(model[key] for model in proven.values()) for key in ("mutants", "layers"))
    assert seen >= 0.7 * layers, "the proof must see a slightly wrong threshold, but in saturated layers"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_chip_fires_like_the_model_with_its_integers(framework: str) -> None:
    exceptions = {*NOT_LOWERED.get(framework, {}), *NOT_COMPARED.get(framework, {})}
    equal = 0
    for model in results(framework)["models"]:
        if model["outcome"] == "equal":
            equal += 1
            assert model["name"] not in exceptions
            assert len(model["spec"]) == 64
            assert model["integer_spikes"] > 0
        else:
            refused = model["outcome"].startswith("refused: ND")
            assert refused or (model["outcome"].startswith("proven; ") and model["name"] in exceptions)
    assert equal >= 8
