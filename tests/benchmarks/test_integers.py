"""The float run that integers are held against, and what the page says of the rules."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from float_run import float_counts
from generated import CLOCK_US, generated
from integers import RESULTS, lines, summary

from nirdynap import nir_to_dynapcnn, simulate

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rows():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", ["max-abs", "threshold-aware"])
def test_the_float_run_of_integers_is_the_simulators(rule):
    compared = 0
    for case in generated(4):
        spec = nir_to_dynapcnn(case.graph, discretize=rule, **case.reading)
        layers = [
            dataclasses.replace(
                layer,
                weights=core.weights.astype(float),
                bias=None if core.bias is None else core.bias.astype(float),
                threshold=float(core.threshold_high),
                v_min=float(core.threshold_low),
            )
            for layer, core in zip(case.layers, spec.cores, strict=True)
        ]
        (events,) = case.recordings
        result = simulate(spec, events, "event", order="breadth", bias_clock_us=CLOCK_US)
        if any(stats.saturated for stats in result.stats.values()):
            continue  # floats have no end
        compared += 1
        for core, counts in zip(spec.cores, float_counts(layers, events, CLOCK_US), strict=True):
            np.testing.assert_array_equal(result.counts[core.core][0], counts)
    assert compared >= 2


def test_in_generated_networks_it_is_never_farther_and_misses_fewer_spikes(rows):
    found = summary([row for row in rows if row["family"] == "generated"], "threshold-aware")
    assert found["networks"] >= 200
    assert (found["farther in a layer"], found["refused"]) == (0, 0)
    assert found["ratio"] <= 0.7


def test_the_page_has_the_results(rows):
    page = (ROOT / "docs" / "integers.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines(rows) if line not in page] == []
