"""Integers, spikes and membranes of sinabs, bit for bit; and where sinabs is wrong, what is right.

Each case holds a float model as NIR, and what sinabs' DynapcnnNetwork(discretize=True) made of it and computed with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from by_hand import in_integers
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from nirdynap.ir.result import Result
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.passes import normalise
from nirdynap.sim import simulate

FAITHFUL = (
    "avgpool", "batchnorm", "biases", "branch_merge", "cnn_sinabs", "conv_only", "fc_only", "multispike", "pool2",
    "reset_zero", "sinabs_net3", "stride2", "two_pool_dest",
)  # fmt: skip
BRANCHED = ("branch_merge", "two_pool_dest", "sinabs_net1", "sinabs_net3")
DEFECTS = ("min_v_mem_none", "min_v_mem_zero", "sinabs_net1", "sinabs_seq2")

# What the NIR file can't say.
OPTIONS: dict[str, dict[str, Any]] = {
    "reset_zero": {"reset": "zero"},
    "min_v_mem_none": {"v_min": "none"},
    "sinabs_seq2": {"v_min": "none"},
    "min_v_mem_zero": {"v_min": 0.0},
}


@dataclass(frozen=True)
class Case:
    model: Path
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]
    options: dict[str, Any]

    @property
    def layers(self) -> list[dict[str, Any]]:
        return self.facts["layers"]

    def array(self, layer: dict[str, Any], name: str) -> np.ndarray:
        return self.arrays[f"L{layer['index']}_{name}"]


@cache
def load_case(folder: Path) -> Case:
    with np.load(folder / "expected.npz") as arrays:
        loaded = dict(arrays)
    facts = json.loads((folder / "expected.json").read_text())
    return Case(folder / "model.nir", facts, loaded, OPTIONS.get(folder.name, {}))


@pytest.fixture
def case(request, shared_data):
    return load_case(shared_data / "sinabs_golden" / request.param)


def converted(case: Case) -> Spec:
    return nir_to_dynapcnn(case.model, "speck2f", convention="sinabs", **case.options)


def run(case: Case) -> tuple[Spec, Result]:
    spec = converted(case)
    return spec, simulate(spec, case.arrays["input"][:, None], "clocked", record="all", saturate=False)


def assert_same_integers(case: Case, layer: dict[str, Any], core: CoreSpec) -> None:
    np.testing.assert_array_equal(core.weights, case.array(layer, "weights"))
    biases = case.array(layer, "biases")
    np.testing.assert_array_equal(np.zeros_like(biases) if core.bias is None else core.bias, biases)
    assert core.threshold_high == layer["threshold"]
    assert core.threshold_low == layer["min_v_mem"]
    assert core.return_to_zero == layer["config"]["return_to_zero"]


def assert_same_spikes(case: Case, layer: dict[str, Any], core: CoreSpec, result: Result) -> None:
    np.testing.assert_array_equal(result.rasters[core.core][:, 0], case.array(layer, "spikes"))
    np.testing.assert_array_equal(result.membranes[core.core][0], case.array(layer, "vmem_final"))


def test_the_cases_are_these(shared_data):
    folders = {p.name for p in (shared_data / "sinabs_golden").iterdir() if p.is_dir()}
    assert folders == {*FAITHFUL, *DEFECTS}


@pytest.mark.parametrize("case", FAITHFUL, indirect=True)
def test_integers_memory_and_destinations(case):
    spec = converted(case)
    core_of = {layer["index"]: spec.find_core(layer["conv_node"]) for layer in case.layers}
    assert len(spec.cores) == len(case.layers)
    for layer in case.layers:
        core = core_of[layer["index"]]
        assert_same_integers(case, layer, core)
        assert core.input_shape == tuple(layer["in_shape"])
        assert core.neuron_shape == tuple(layer["neuron_shape"])
        assert (core.memory.kernel, core.memory.neuron) == (layer["memory"]["kernel"], layer["memory"]["neuron"])
        targets = zip(layer["destinations"], layer["pool"], strict=True)
        wanted = {(core_of[target].core, pool[0]) for target, pool in targets if target >= 0}
        assert {(d.core, d.pooling) for d in core.destinations} == wanted


@pytest.mark.parametrize("case", FAITHFUL, indirect=True)
def test_spikes_and_final_membranes_of_every_layer(case):
    spec, result = run(case)
    for layer in case.layers:
        assert_same_spikes(case, layer, spec.find_core(layer["conv_node"]), result)


@pytest.mark.parametrize("case", FAITHFUL, indirect=True)
def test_bias_words_are_one_per_feature_unless_all_biases_are_zero(case):
    """sinabs counts a tensor of zeros too, in one case; the chip needs no words for it."""
    spec = converted(case)
    counted_for_nothing = 0
    for layer in case.layers:
        core = spec.find_core(layer["conv_node"])
        assert core.memory.bias == (0 if core.bias is None else len(core.bias))
        if core.memory.bias != layer["memory"]["bias"]:
            assert not case.array(layer, "biases").any()
            counted_for_nothing += 1
    assert counted_for_nothing == (5 if case.facts["case"] == "cnn_sinabs" else 0)


@pytest.mark.parametrize("case", ["min_v_mem_none", "sinabs_seq2"], indirect=True)
def test_no_lower_bound_takes_no_part_in_the_scale(case):
    """sinabs puts -32768 into the scale, which is then at most 1, and few levels are left to the weights."""
    spec = converted(case)
    for layer in case.layers:
        core = spec.find_core(layer["conv_node"])
        assert core.threshold_low == layer["min_v_mem"] == -32768
        theirs = case.array(layer, "weights")
        assert np.abs(theirs).max() <= 8
        assert core.weights.max() == 127 or core.weights.min() == -128 or np.abs(core.bias).max() >= 127
        assert len(np.unique(core.weights)) > 5 * len(np.unique(theirs))


def test_a_lower_bound_of_zero_becomes_minus_one(shared_data):
    """sinabs writes 0, which the manual calls a bug of the silicon; all other integers are equal."""
    case = load_case(shared_data / "sinabs_golden" / "min_v_mem_zero")
    spec = converted(case)
    assert [d.code for d in spec.notes if d.severity == "warning" and d.code != "ND134"] == ["ND405"] * len(case.layers)
    for layer in case.layers:
        core = spec.find_core(layer["conv_node"])
        np.testing.assert_array_equal(core.weights, case.array(layer, "weights"))
        assert (core.threshold_high, core.threshold_low, layer["min_v_mem"]) == (layer["threshold"], -1, 0)


def test_sources_of_different_factors_keep_each_its_own(shared_data):
    """sinabs takes round(mean * 0.5, 2) = 0.31 for the factors 0.25 and 1; here each source has its own weights."""
    case = load_case(shared_data / "sinabs_golden" / "sinabs_net1")
    spec, result = run(case)
    by_node = {layer["conv_node"]: layer for layer in case.layers}
    for name in ("conv1", "conv2"):
        assert_same_integers(case, by_node[name], spec.find_core(name))
        assert_same_spikes(case, by_node[name], spec.find_core(name), result)
    core = spec.find_core("conv3")
    assert core.input_shape == (20, 16, 16)
    shifts = {d.feature_shift: spec.find_core(n) for n in ("conv1", "conv2") for d in spec.find_core(n).destinations}
    assert set(shifts) == {0, 10}
    full = read(case.model, "sinabs").node("conv3").weights
    factors = sorted(float(np.median(core.weights[:, s : s + 10] / (full * core.scale))) for s in (0, 10))
    np.testing.assert_allclose(factors, [0.25, 1.0], rtol=0.05)


@pytest.mark.parametrize("case", DEFECTS, indirect=True)
def test_where_sinabs_is_wrong_the_integers_here_are_nearer_to_the_float_model(case):
    _, result = run(case)
    expected = case.arrays["float_output"]
    equal = float((np.asarray(result.raster).reshape(expected.shape) == expected).mean())
    assert equal > case.facts["output_equals_float_fraction"]
    assert equal > 0.95


@pytest.mark.parametrize("case", [*FAITHFUL, *DEFECTS], indirect=True)
def test_the_float_run_is_that_of_sinabs_before_and_after_the_passes(case):
    """Up to single spikes, since sinabs adds in float32."""
    network = read(case.model, "sinabs", **case.options)
    expected = case.arrays["float_output"]
    outputs = [interpret(rung, case.arrays["input"][:, None]).raster for rung in (network, normalise(network))]
    for output in outputs:
        assert (output.reshape(expected.shape) == expected).mean() >= 0.995


@pytest.mark.parametrize("case", BRANCHED, indirect=True)
def test_what_branched_networks_change_on_their_way_to_the_chip_is_rounding(case):
    """Lowering changes no spike of any layer; and with the rounded numbers in it the float network is the chip's."""
    network = read(case.model, "sinabs")
    lowered = normalise(network)
    spec, result = run(case)
    spikes = [interpret(rung, case.arrays["input"][:, None], record="all").rasters for rung in (network, lowered)]
    for core in spec.cores:
        (neuron,) = lowered.targets(core.name)
        np.testing.assert_array_equal(spikes[0][neuron.name], spikes[1][neuron.name])
        scaled = lowered.node(core.name).weights * core.scale
        assert np.abs(core.weights - scaled).max() <= 0.5 + 1e-4, "up to float32, in which products are rounded"
    rounded = interpret(in_integers(lowered, spec), case.arrays["input"][:, None], record="all").rasters
    for core in spec.cores:
        (neuron,) = lowered.targets(core.name)
        np.testing.assert_array_equal(rounded[neuron.name], result.rasters[core.core])


def branched_row(case: Case) -> str:
    """A line of docs/why-the-numbers-differ.md: output counts that are not those of the float network."""
    network = read(case.model, "sinabs")
    floats, lowered = (interpret(n, case.arrays["input"][:, None]).raster for n in (network, normalise(network)))
    ours = run(case)[1].raster
    (exit_layer,) = (name for name in case.arrays if "_to_-" in name)
    theirs = case.arrays[exit_layer].reshape(floats.shape)
    differ = [int(np.count_nonzero(outputs != floats)) for outputs in (lowered, ours, theirs)]
    words = [f"{n} ({100 * n / floats.size:.1f} %)" if n else "0" for n in differ]
    return f"| {case.facts['case']} | {floats.size} | {' | '.join(words)} |"


@pytest.mark.parametrize("case", BRANCHED, indirect=True)
def test_the_page_has_the_numbers_of_branched_networks(case):
    page = Path(__file__).parents[1] / "docs" / "why-the-numbers-differ.md"
    assert branched_row(case) in page.read_text(encoding="utf-8").splitlines()
