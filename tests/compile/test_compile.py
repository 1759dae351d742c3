"""The corridor as a whole: what comes out depends on the network alone, and `check` says what conversion does."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from hypothesis import given, settings

from by_hand import chain, conv, facts, graph, in_integers, neurons, nine_cores, relabelled, sink, source, sum_pool
from nirdynap.chips.chip import chip_names, load_chip
from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from nirdynap.ir.convention import CONVENTIONS, Convention
from nirdynap.lower.rules import candidates
from nirdynap.passes import normalise
from nirdynap.sim import simulate
from nirdynap.store import load, save
from nirdynap.testing.graphs import networks

NAMES = ["b", "10", "9", "_0", "Ω", "a b", "-", "x'", *map(str, range(11, 60))]


def simple():
    return chain(**{"in": source(), "conv": conv(), "if": neurons(), "out": sink()})


# --- the network alone ------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=80)
@given(drawn=networks(), names=st.permutations(NAMES), order=st.permutations(range(80)))
def test_names_and_orders_of_nodes_and_edges_change_no_digest(drawn, names, order):
    one = nir_to_dynapcnn(drawn, convention="torch")
    two = nir_to_dynapcnn(relabelled(drawn, names, order), convention="torch")
    assert two.digest() == one.digest()
    assert two.weights_digest() == one.weights_digest()


@settings(deadline=None, max_examples=40)
@given(drawn=networks(max_layers=3), convention=st.sampled_from(["nir", "torch", "sinabs"]))
def test_a_graph_and_its_file_are_one_spec(drawn, convention, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "graph.nir"
    nir.write(path, drawn, compression=None)
    assert nir_to_dynapcnn(path, convention=convention) == nir_to_dynapcnn(drawn, convention=convention)


@settings(deadline=None, max_examples=40)
@given(drawn=networks())
def test_the_callers_graph_is_never_changed(drawn):
    before = facts(drawn)
    nir_to_dynapcnn(drawn, convention="sinabs", bias_bits=16)
    check(drawn, "speck2cmini")
    assert facts(drawn) == before


HASHED = """
import sys
sys.path.insert(0, sys.argv[1])
from by_hand import nine_cores
from test_compile import tangled
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.store import save
from pathlib import Path
for name, drawn in (("nine", nine_cores()), ("tangled", tangled())):
    drawn.edges = set(drawn.edges)
    for suffix in (".json", ".h5"):
        save(nir_to_dynapcnn(drawn, convention="torch"), Path(sys.argv[2]) / (name + suffix))
"""


def tangled():
    """Branches, merges, equal twins and sources of different factors."""
    nodes = {"in": source()}
    edges = []
    for twin in ("left", "right"):
        nodes |= {f"{twin}": conv(bias=np.array([0.5, 0.25])), f"{twin}_if": neurons(2.0)}
        nodes |= {f"{twin}_half": nir.AvgPool2d(2, 2, 0), f"{twin}_sum": sum_pool(2)}
        edges += [f"in -> {twin} -> {twin}_if -> {twin}_half -> join", f"{twin}_if -> {twin}_sum -> join"]
    nodes |= {"join": conv(3, 2, 2), "join_if": neurons([1.0, 2.0, 4.0]), "out": sink()}
    return graph(nodes, *edges, "join -> join_if -> out")


def test_two_hash_seeds_give_the_same_bytes(tmp_path):
    here = Path(__file__).resolve()
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        paths = os.pathsep.join([str(here.parent), str(here.parents[1])])
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        command = [sys.executable, "-c", HASHED, str(here.parent), str(tmp_path / seed)]
        subprocess.run(command, check=True, env=environment)
    files = sorted(p.name for p in (tmp_path / "1").iterdir())
    assert files == ["nine.h5", "nine.json", "tangled.h5", "tangled.json"]
    for name in files:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


@settings(deadline=None, max_examples=30)
@given(drawn=networks(max_layers=3))
def test_what_was_saved_is_what_is_loaded(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("specs")
    spec = nir_to_dynapcnn(drawn, convention="torch")
    for suffix in (".h5", ".json"):
        save(spec, folder / f"spec{suffix}")
        again = load(folder / f"spec{suffix}")
        assert again == spec
        assert dataclasses.replace(again).notes == spec.notes


# --- the chip ---------------------------------------------------------------------------------------------------------


def test_nine_layers_that_fill_nine_cores():
    spec = nir_to_dynapcnn(nine_cores(), convention="sinabs")
    assert sorted(core.core for core in spec.cores) == list(range(9))
    for core in spec.cores:
        assert core.memory.kernel == core.capacity.kernel or core.memory.neuron == core.capacity.neuron
    assert spec.input_shape == (2, 128, 128)


@settings(deadline=None, max_examples=40)
@given(drawn=networks(), chip=st.sampled_from(chip_names()))
def test_every_layer_lies_on_a_core_with_room_for_it(drawn, chip):
    report = check(drawn, chip, convention="torch")
    assert report.chip == chip
    assert [row.capacity for row in report.cores] == list(load_chip(chip).cores)
    if not report.fits:
        assert {d.code for d in report.diagnostics if d.severity == "error"} <= {"ND303", "ND304", "ND305", "ND306"}
        return
    spec = nir_to_dynapcnn(drawn, chip, convention="torch")
    assert report.digest == spec.digest()
    assert report.diagnostics == CompileError(spec.notes).diagnostics
    for row, core in zip(report.layers, spec.cores, strict=True):
        assert (row.name, row.origin, row.core) == (core.name, core.origin, core.core)
        assert (row.input_shape, row.neuron_shape, row.memory) == (core.input_shape, core.neuron_shape, core.memory)
        assert row.candidates == candidates(core.memory, load_chip(chip))
        assert core.core in row.candidates
        assert core.capacity == load_chip(chip).cores[core.core]
        assert report.cores[core.core].layer == core.name
    assert len({core.core for core in spec.cores}) == len(spec.cores)
    assert sum(row.layer is not None for row in report.cores) == len(spec.cores)


def test_device_names_and_chips_of_ones_own():
    assert nir_to_dynapcnn(simple(), "speck2fdevkit:0") == nir_to_dynapcnn(simple(), load_chip("speck2f"))
    tiny = dataclasses.replace(load_chip("speck2f"), name="tiny", cores=load_chip("speck2f").cores[:1])
    assert nir_to_dynapcnn(simple(), tiny).chip == "tiny"


# --- check says what conversion does ----------------------------------------------------------------------------------


def wrong_everywhere():
    nodes = {"in": source(1, 140, 140), "a": conv(stride=3, padding=9), "if_a": neurons(1e-4), "pool": sum_pool(3)}
    return chain(**nodes, b=conv(channels=2, weight=np.zeros((2, 2, 3, 3))), if_b=neurons(), out=sink())


def test_all_findings_of_all_steps_come_at_once():
    report = check(wrong_everywhere(), convention="torch")
    codes = [d.code for d in report.diagnostics]
    assert codes == ["ND312", "ND313", "ND314", "ND315", "ND402", "ND401"]
    assert [row.name for row in report.layers] == ["a", "b"]
    assert {row.core for row in report.layers} == {None}
    assert (report.fits, report.digest) == (False, None)
    with pytest.raises(CompileError) as caught:
        nir_to_dynapcnn(wrong_everywhere(), convention="torch")
    assert caught.value.diagnostics == report.diagnostics


def test_competing_layers_are_found_together_with_everything_else():
    nodes = {"in": source(2, 64, 64)}
    for i in range(4):
        nodes |= {f"conv{i}": conv(16, 2 if i == 0 else 16, padding=1), f"if{i}": neurons(1e-3 if i == 3 else 1.0)}
    report = check(chain(**nodes, pool=sum_pool(3), out=sink()), convention="torch", split="never")
    assert [d.code for d in report.diagnostics if d.severity == "error"] == ["ND314", "ND304", "ND402"]
    assert [row.candidates for row in report.layers] == [(0, 1, 2)] * 4


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"chip": "speck3"}, "ND324"),
        ({"chip": "no/such/chip.toml"}, "ND325"),
        ({"convention": "nri"}, "ND125"),
        ({"convention": None}, "ND125"),
        ({"bias_bits": 12}, "ND126"),
        ({"bias_bits": "16"}, "ND126"),
        ({"reset": "soft"}, "ND126"),
        ({"input_shape": (1, 2)}, "ND126"),
    ],
)
def test_options_that_there_are_not(options, code):
    report = check(simple(), **options)
    assert (report.fits, [d.code for d in report.diagnostics], report.layers) == (False, [code], ())
    with pytest.raises(CompileError, match=code):
        nir_to_dynapcnn(simple(), **options)


def test_a_convention_of_ones_own():
    mine = Convention(name="mine", reset="zero", spikes_per_step="many")
    spec = nir_to_dynapcnn(simple(), convention=mine)
    assert (spec.convention, spec.spikes_per_step) == (mine, "many")
    assert spec.cores[0].return_to_zero
    assert check(simple(), convention=mine).convention == "mine"


def test_warnings_are_kept_in_the_spec_and_forbid_nothing():
    spec = nir_to_dynapcnn(simple(), convention="snntorch", v_min=0.0)
    assert [d.code for d in spec.notes] == ["ND134", "ND209", "ND405"]
    assert spec.convention == dataclasses.replace(CONVENTIONS["snntorch"], v_min=0.0)
    assert check(simple(), convention="snntorch", v_min=0.0).fits


# --- from graph to chip, bit for bit ----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=80)
@given(drawn=networks(), convention=st.sampled_from(["torch", "sinabs", "norse"]), seed=st.integers(0, 2**32 - 1))
def test_the_spec_computes_what_the_network_computes_with_the_same_integers(drawn, convention, seed):
    spec = nir_to_dynapcnn(drawn, convention=convention)
    network = in_integers(normalise(read(drawn, convention)), spec)
    counts = np.random.default_rng(seed).integers(0, 3, (5, 2, *spec.input_shape))
    ours = simulate(spec, counts, "clocked", record="all", saturate=False)
    theirs = interpret(network, counts, record="all")
    for core in spec.cores:
        (neuron,) = network.targets(core.name)
        np.testing.assert_array_equal(ours.rasters[core.core], theirs.rasters[neuron.name])
        np.testing.assert_array_equal(ours.membranes[core.core], theirs.membranes[neuron.name])
    for name, raster in theirs.outputs.items():
        np.testing.assert_array_equal(ours.output_rasters[name], raster)


@pytest.mark.parametrize("options", [{"trim": "no"}, {"trim": 1}, {"bias_bits": "8"}, {"bias_bits": 8.0}])
def test_options_of_another_type(options):
    assert [d.code for d in check(simple(), convention="torch", reset="subtract", **options).diagnostics] == ["ND126"]


@pytest.mark.parametrize("function", [nir_to_dynapcnn, check])
def test_a_keyword_that_there_is_not(function):
    with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) got an unexpected keyword argument 'colour'$"):
        function(simple(), colour="red")
