"""The first difference against a search by loops, and what is said about a lowered network that differs."""

from __future__ import annotations

import dataclasses

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from hypothesis import given

from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import Diagnostic
from nirdynap.frontend import read
from nirdynap.ir.network import Conv
from nirdynap.passes import normalise
from nirdynap.passes.rewrite import replaced
from nirdynap.verify.divergence import Difference, earliest, explained, first_difference
from nirdynap.verify.rungs import Trace, float_trace, layer_of_raster

LAYERS = ("one", "two")


def trace(rasters: np.ndarray, *, counted: bool = False) -> Trace:
    """A trace of two layers with the given rasters [layer, time, sample, c, y, x], or with their counts alone."""
    layers = {name: layer_of_raster(raster) for name, raster in zip(LAYERS, rasters, strict=True)}
    if counted:
        layers = {name: dataclasses.replace(layer, raster=None) for name, layer in layers.items()}
    return Trace(name="clocked", layers=layers, decisions={})


def slow_search(before: np.ndarray, here: np.ndarray) -> Difference | None:
    for layer, step, sample, c, y, x in np.ndindex(before.shape):
        if before[layer, step, sample, c, y, x] != here[layer, step, sample, c, y, x]:
            return Difference(
                layer=LAYERS[layer],
                sample=sample,
                step=step,
                channel=c,
                y=y,
                x=x,
                value=int(here[layer, step, sample, c, y, x]),
                reference=int(before[layer, step, sample, c, y, x]),
            )
    return None


@given(st.sets(st.integers(0, 2 * 3 * 4 * 2 - 1), max_size=3))
def test_first_difference_is_the_first_one_in_a_search_by_loops_and_so_is_the_earliest_of_parts(changed):
    before = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 1, 2, 1)
    here = before.copy()
    here.flat[sorted(changed)] += 1
    expected = slow_search(before, here)
    assert first_difference(trace(before), trace(here), 0) == expected
    parts = [
        first_difference(trace(before[:, :, part]), trace(here[:, :, part]), part.start)
        for part in (slice(0, 1), slice(1, 3), slice(3, 4))
    ]
    assert earliest(LAYERS, tuple(parts)) == expected


def test_counts_alone_differ_over_the_run_and_unknown_layers_not_at_all():
    before = np.zeros((2, 3, 2, 1, 1, 2), dtype=int)
    here = before.copy()
    here[1, 2, 1, 0, 0, 1] = 2
    found = first_difference(trace(before, counted=True), trace(here), 5)
    assert found is not None
    assert (found.layer, found.sample, found.step, found.x, found.value, found.reference) == ("two", 6, None, 1, 2, 0)
    assert str(found) == "two, sample 6, over the run, (c, y, x) = (0, 0, 1): 2 spikes instead of 0"
    first = dataclasses.replace(trace(here), layers={"one": trace(here).layers["one"]})
    assert first_difference(trace(before), first, 0) is None


def finding(weights: list[float], threshold: float, factor: float, **reading: str) -> Diagnostic:
    """What is said where the lowered network has its weights multiplied by `factor`, on a spike in every step."""
    graph = nir.NIRGraph.from_list(
        nir.Input({"input": np.array([1])}),
        nir.Linear(np.array(weights)[:, None]),
        nir.IF(np.ones(len(weights)), np.full(len(weights), threshold)),
        nir.Output({"output": np.array([len(weights)])}),
    )
    spec = nir_to_dynapcnn(graph, convention="torch", **reading)
    network = read(graph, "torch", **reading)
    lowered = normalise(network)
    (conv,) = (n for n in lowered.nodes if isinstance(n, Conv))
    lowered = replaced(lowered, dataclasses.replace(conv, weights=conv.weights * factor))
    raster = np.ones((8, 1, 1, 1, 1), dtype=np.int64)
    traces = (float_trace("float", network, spec, raster), float_trace("normalised", lowered, spec, raster))
    difference = first_difference(*traces, 0)
    assert difference is not None
    return explained(difference, spec, (network, raster), (lowered, raster))


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize(("threshold", "factor"), [(1.0, 0.99), (1.005, 1.01)])
def test_a_lowered_network_with_other_weights_is_not_explained_by_rounding(reset: str, threshold: float, factor: float):
    found = finding([0.25, 0.5], threshold, factor, reset=reset)
    assert (found.code, found.severity) == ("ND702", "warning")


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("spikes_per_step", ["one", "many"])
@pytest.mark.parametrize(("threshold", "factor"), [(1.0, 1 - 1e-13), (1 + 5e-14, 1 + 1e-13)])
def test_a_lowered_network_within_rounding_is_explained(
    reset: str, spikes_per_step: str, threshold: float, factor: float
):
    found = finding([0.25, 0.5], threshold, factor, reset=reset, spikes_per_step=spikes_per_step)
    assert (found.code, found.severity) == ("ND701", "note")


def test_several_spikes_in_a_step_are_taken_back_before_the_distance_is_measured():
    # 2.5 a step at threshold 1: 2 spikes, then 3 (from exactly 3.0)
    found = finding([2.5], 1.0, 1 - 1e-13, reset="subtract", spikes_per_step="many")
    assert (found.code, found.value, found.limit) == ("ND701", 2, 3)


def test_a_membrane_that_a_reset_to_zero_wiped_out_explains_nothing():
    found = finding([3.0], 1.0, 1 - 1e-13, reset="zero", spikes_per_step="many")
    assert (found.code, found.value, found.limit) == ("ND702", 2, 3)
    assert "nan thresholds" in found.found
