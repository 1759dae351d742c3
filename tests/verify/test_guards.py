"""Guards of a run: each reached and shown, and their numbers against a slow recount."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import nirdynap
from nirdynap.errors import CATALOGUE, merged
from nirdynap.ir.result import Result
from nirdynap.ir.spec import Destination, InputPort, Spec
from nirdynap.shipped import shipped
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.strategies import rasters, specs

GOLDEN = Path(__file__).parents[1] / "golden" / "guards"
CODES = sorted(code for code in CATALOGUE if "ND740" <= code <= "ND749")


def ran(spec: Spec, spikes: int = 20) -> Result:
    """Ten samples of a few steps, each with so many spikes at every address and step."""
    return nirdynap.simulate(spec, np.full((5, 10, *spec.input_shape), spikes))


def one_layer(weights: list[list[float]], threshold_high: int = 4, pixels: int = 1, **fields: int) -> Spec:
    """A layer of 1x1 kernels, read at an output."""
    array = np.array(weights)[:, :, None, None]
    shape = (array.shape[1], pixels, pixels)
    return build_spec(build_core(0, array, shape, threshold_high=threshold_high, **fields))


def a_layer_that_is_inhibited() -> Spec:
    return one_layer([[-1], [-2]])


def two_hidden_channels_of_five() -> Spec:
    first = np.array([1, -1, 1, 0, 1])[:, None, None, None]
    hidden = build_core(0, first, (1, 1, 1), threshold_high=4, destinations=[Destination(core=1, pooling=1)])
    return build_spec(hidden, build_core(1, np.ones((1, 5, 1, 1)), (5, 1, 1), threshold_high=9))


def an_output_of_three() -> Spec:
    return one_layer([[1], [-1], [2]])


def inhibition_that_piles_up() -> Spec:
    return one_layer([[-127] * 4, [1] * 4])


def always_at_the_bound() -> Spec:
    return one_layer([[-1], [-2], [-3]], threshold_low=-7)


def a_bound_far_below() -> Spec:
    return one_layer([[2, -1]], pixels=6, threshold_high=3, threshold_low=-30000)


def passes_on_what_comes() -> Spec:
    return one_layer([[3], [5]])


CASES = {
    "ND740": a_layer_that_is_inhibited,
    "ND741": two_hidden_channels_of_five,
    "ND742": an_output_of_three,
    "ND743": inhibition_that_piles_up,
    "ND744": always_at_the_bound,
    "ND745": a_bound_far_below,
    "ND746": passes_on_what_comes,
}


@pytest.mark.parametrize("code", CODES)
def test_a_user_sees_what_was_agreed(code, request):
    found = nirdynap.guards(ran(CASES[code]()))
    assert code in {finding.code for finding in found}
    text = "".join(f"{finding.severity}: {finding}\n" for finding in found)
    expected = GOLDEN / f"{code}.txt"
    if request.config.getoption("--update-golden"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_there_is_a_case_for_each_and_no_other():
    assert sorted(CASES) == CODES == sorted(path.stem for path in GOLDEN.iterdir())


@st.composite
def runs(draw):
    """A drawn spec on drawn input, in time steps or event by event."""
    spec = draw(specs(max_cores=3, decimators=True))
    raster = draw(rasters(spec, min_steps=1, max_batch=12))
    if draw(st.booleans()):
        return nirdynap.simulate(spec, raster)
    return nirdynap.simulate(spec, raster, "event", bias_clock_us=700)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(result=runs())
def test_numbers_equal_a_slow_recount(result):
    found = {(f.code, f.place): f for f in nirdynap.guards(result)}
    samples = len(result.counts[result.spec.cores[0].core])
    for (core,) in result.spec.layers:
        place, counts = f"$.nodes.{core.name}", result.counts[core.core]
        silent = sum(not any(counts[:, c].flat) for c in range(counts.shape[1]))
        spikes, saturated = sum(counts.flat), result.stats[core.core].saturated
        assert _numbers(found, "ND740", place) == ((samples, None) if not spikes else None)
        told = bool(spikes and silent and core.destinations) and samples >= 10
        assert _numbers(found, "ND741", place) == ((silent, counts.shape[1]) if told else None)
        assert _numbers(found, "ND743", place) == ((saturated, samples) if saturated else None)
        touched = result.stats[core.core].synaptic_operations
        told = bool(spikes) and 2 * spikes * core.decimator >= touched
        assert _numbers(found, "ND746", place) == ((spikes * core.decimator, touched) if told else None)
        assert _numbers(found, "ND744", place) == _at_the_bound(result, core)
    for name, totals in result.output_counts.items():
        silent = sum(not any(row) for row in totals.reshape(samples, -1).T)
        fires = any(result.counts[port.core].any() for port in result.spec.ports(name))
        told = (silent, totals[0].size) if silent and fires and samples >= 10 else None
        assert _numbers(found, "ND742", f"$.nodes.{name}") == told


def _at_the_bound(result, core):
    start = np.zeros(core.neuron_shape, int) if core.initial_state is None else core.initial_state
    pairs = zip(result.membranes[core.core], result.counts[core.core], strict=True)
    moved = [
        v
        for membranes, counts in pairs
        for v, n, s in zip(membranes.flat, counts.flat, start.flat, strict=True)
        if v != s or n
    ]
    at = sum(v == core.threshold_low for v in moved)
    return (at, len(moved)) if moved and core.threshold_low > -32768 and at >= 0.9 * len(moved) else None


def _numbers(found, code, place):
    finding = found.get((code, place))
    return None if finding is None else (finding.value, finding.limit)


def test_a_layer_on_several_cores_is_one():
    kernel = np.array([-1, 1])[:, None, None, None]
    fields = {"threshold_high": 4, "destinations": [Destination(core=3, pooling=1)]}
    lower = build_core(0, kernel, (1, 1, 1), **fields)
    shift = [Destination(core=3, pooling=1, feature_shift=2)]
    upper = build_core(1, kernel, (1, 1, 1), threshold_high=4, destinations=shift)
    upper = dataclasses.replace(upper, name=lower.name, origin=lower.origin, first_channel=2)
    last = build_core(3, np.ones((1, 4, 1, 1)), (4, 1, 1), threshold_high=9)
    both = (InputPort(0, 0), InputPort(1, 0))
    (finding,) = nirdynap.guards(ran(build_spec(lower, upper, last, inputs=both)))
    assert (finding.code, finding.place, finding.value, finding.limit) == ("ND741", "$.nodes.conv0", 2, 4)
    assert finding.found.endswith(": 0, 2")


def test_a_bound_of_few_membranes_proves_nothing():
    spec = one_layer([[2, -1]], pixels=5, threshold_high=3, threshold_low=-30000)
    assert not nirdynap.guards(ran(spec))


def test_warnings_of_several_layers_are_one_line():
    spec = nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"))
    found = nirdynap.guards(ran(spec, spikes=0))
    (line,) = merged(found)
    assert line.place == "$.nodes.conv1, $.nodes.conv2, $.nodes.dense"


def test_the_last_rung_of_a_verification_is_looked_at():
    source = shipped("digits", "digits.nir")
    checked = nirdynap.verify(source, "speck2f", np.zeros((2, 1, 1, 8, 8), int))
    assert [note.code for note in checked.notes if note.code.startswith("ND74")] == ["ND740"] * 3


def test_an_evaluation_and_its_silent_layers(tmp_path):
    spec = nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"))
    samples = [(np.zeros((2, 1, 8, 8), int), 0)] * 2
    with ThreadPoolExecutor(1) as threads:
        summary = nirdynap.evaluate(spec, samples, threads)
    assert [finding.code for finding in summary.diagnostics] == ["ND740"] * 3
    assert "ND740 layer without a spike" in str(summary)
