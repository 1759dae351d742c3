"""The networks whose conversion is timed fill the chip, and the page has the times. No time is asserted here."""

import json
from pathlib import Path

import numpy as np
import pytest
from conversion import NETWORKS, RESULTS, converted, line, measure

from nirdynap import nir_to_dynapcnn, simulate

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("make", NETWORKS.values())
def test_all_cores_are_full(make):
    row = measure(make(), runs=1)
    assert (row["cores"], row["full"]) == (9, 9)


def test_the_page_has_the_results():
    page = (ROOT / "docs" / "placement.md").read_text(encoding="utf-8").splitlines()
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert found.keys() == NETWORKS.keys()
    assert [row for name in found if (row := line(name, found[name])) not in page] == []


def test_the_split_one_is_the_network_of_a_large_chip():
    graph = NETWORKS["five layers split over nine cores"]()
    spec = converted(graph)
    whole = nir_to_dynapcnn(graph, ROOT / "tests" / "chips" / "big.toml", convention="torch", reset="subtract")
    assert [len(cores) for cores in spec.layers] == [3, 2, 2, 1, 1]
    assert [len(cores) for cores in whole.layers] == [1] * 5
    raster = np.random.default_rng(0).poisson(0.05, (6, 1, 2, 64, 64))
    for semantics, options in (("clocked", {}), ("event", {"emission": "channel"})):
        one, two = (simulate(s, raster, semantics, **options) for s in (spec, whole))
        assert one.counts[spec.cores[-1].core].any()
        assert one.output_events == two.output_events
