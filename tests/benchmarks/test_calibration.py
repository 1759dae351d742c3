"""The page has the results, and they are what is asked of calibration. Nothing is measured here."""

import json
from pathlib import Path

import pytest
from calibration import RESULTS, errors, float_counts, table, workloads

import nirdynap

ROOT = Path(__file__).resolve().parents[2]
FOUND = json.loads(RESULTS.read_text(encoding="utf-8"))


def test_the_page_has_the_results():
    assert table(FOUND) in (ROOT / "docs" / "calibrate.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found["workload"])
def test_never_worse_on_its_recordings_and_much_better_on_others(found):
    before, *_, after = found["rules"]
    assert (before["rule"], after["rule"]) == ("max-abs", "calibrated")
    assert after["calibrated on"][0] <= before["calibrated on"][0]
    assert after["held out"][0] <= 0.7 * before["held out"][0]


def test_the_error_is_that_of_the_results():
    name, path, convention, samples, first = next(workloads())
    some = samples[first:]
    spec = nirdynap.nir_to_dynapcnn(path, convention=convention)
    (row,) = [found["rules"][0] for found in FOUND if found["workload"] == name]
    assert errors(spec, some, float_counts(path, convention, some)) == row["held out"]
