"""A spec as a NIR graph: the same network for every reader of NIR, and the same integers when it is lowered again."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from tests.by_hand import chain, conv, neurons, nine_cores, simple, sink, source
from tests.test_golden_sinabs import DEFECTS, FAITHFUL, converted, load_case

import nirdynap
from nirdynap.chips.chip import chip_names
from nirdynap.errors import CompileError
from nirdynap.export.dynapcnn_to_nir import dynapcnn_to_nir
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, OutputPort, Spec
from nirdynap.lower.camera import DvsOptions
from nirdynap.shipped import shipped
from nirdynap.sim import simulate
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.strategies import rasters, specs


def integers(core: CoreSpec) -> tuple[Any, ...]:
    """Everything that the core computes, destinations aside; a bias of zeros is no bias."""
    bias = np.zeros(len(core.weights)) if core.bias is None else core.bias
    maps = (core.input_shape, core.neuron_shape, core.stride, core.padding)
    numbers = (core.weights.tolist(), bias.tolist(), core.threshold_high, core.threshold_low, core.return_to_zero)
    return (*maps, *numbers, core.decimator)


def wiring(spec: Spec) -> list[tuple[str, str, int, int]]:
    """Every connection by the names of its ends, with pooling and feature shift."""
    name = {core.core: core.name for core in spec.cores}
    into = [("input", name[port.core], 1, port.feature_shift) for port in spec.inputs]
    inner = [
        (core.name, name[slot.core], slot.pooling, slot.feature_shift)
        for core in spec.cores
        for slot in core.destinations
    ]
    return sorted([*into, *inner, *((name[port.core], port.name, port.pooling, 0) for port in spec.outputs)])


def assert_same(one: Spec, two: Spec) -> None:
    assert {c.name: integers(c) for c in one.cores} == {c.name: integers(c) for c in two.cores}
    assert wiring(one) == wiring(two)
    assert (one.chip, one.input_shape, one.spikes_per_step) == (two.chip, two.input_shape, two.spikes_per_step)


@settings(max_examples=60)
@given(specs(initial_states=False))
def test_lowering_the_graph_gives_the_same_integers(spec: Spec) -> None:
    again = nirdynap.nir_to_dynapcnn(dynapcnn_to_nir(spec))
    assert_same(again, spec)
    assert {core.scale for core in again.cores} == {1.0}
    assert nirdynap.nir_to_dynapcnn(dynapcnn_to_nir(again)) == again


@settings(max_examples=60)
@given(st.data(), specs(initial_states=False) | specs(initial_states=False, square_kernels=False))
def test_the_float_run_of_the_graph_is_the_clocked_run_of_the_spec(data: st.DataObject, spec: Spec) -> None:
    raster = data.draw(rasters(spec))
    clocked = simulate(spec, raster, "clocked", record="all", saturate=False)
    floats = interpret(nirdynap.read(dynapcnn_to_nir(spec)), raster, record="all")
    for core in spec.cores:
        np.testing.assert_array_equal(floats.rasters[f"{core.name}_if"], clocked.rasters[core.core])
        np.testing.assert_array_equal(floats.membranes[f"{core.name}_if"], clocked.membranes[core.core])
    several = clocked.raster if len(spec.outputs) > 1 else {spec.outputs[0].name: clocked.raster}
    for name, values in several.items():
        np.testing.assert_array_equal(floats.outputs[name], values)


@settings(max_examples=25)
@given(specs(initial_states=False))
def test_the_file_holds_all_of_it(spec: Spec) -> None:
    graph = dynapcnn_to_nir(spec)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.nir")
        nirdynap.write(graph, path)
        assert nirdynap.read(path) == nirdynap.read(graph)
        assert nirdynap.nir_to_dynapcnn(path) == nirdynap.nir_to_dynapcnn(graph)


@pytest.mark.parametrize("name", FAITHFUL + DEFECTS)
def test_what_sinabs_discretised_comes_back(name: str, shared_data: Path, tmp_path: Path) -> None:
    spec = converted(load_case(shared_data / "sinabs_golden" / name))
    nirdynap.write(dynapcnn_to_nir(spec), tmp_path / "net.nir")
    assert_same(nirdynap.nir_to_dynapcnn(tmp_path / "net.nir"), spec)
    assert set(nir.read(tmp_path / "net.nir").nodes) >= {core.name for core in spec.cores}  # with type checks on


def test_what_fills_a_chip_comes_back_to_the_same_cores() -> None:
    spec = nirdynap.nir_to_dynapcnn(nine_cores())
    assert nirdynap.nir_to_dynapcnn(dynapcnn_to_nir(spec)) == spec


@pytest.mark.parametrize("chip", chip_names())
def test_any_chip(chip: str) -> None:
    spec = nirdynap.nir_to_dynapcnn(simple(), chip)
    graph = dynapcnn_to_nir(spec)
    assert nirdynap.nir_to_dynapcnn(graph, chip) == spec
    assert graph.metadata["dynapcnn"]["chip"] == chip


@pytest.mark.parametrize("convention", nirdynap.CONVENTIONS)
def test_no_convention_changes_what_every_neuron_says(convention: str) -> None:
    spec = nirdynap.nir_to_dynapcnn(simple(), convention="snntorch", v_min=-2)
    assert nirdynap.nir_to_dynapcnn(dynapcnn_to_nir(spec), convention=convention) == spec


def test_nothing_is_left_open() -> None:
    spec = nirdynap.nir_to_dynapcnn(dynapcnn_to_nir(nirdynap.nir_to_dynapcnn(simple(), convention="torch")))
    assert [d.code for d in spec.notes] == ["ND133"]  # the convention, as the graph says itself


def test_metadata_tell_where_the_numbers_come_from() -> None:
    graph = chain(**{"in": source(), "c": conv(), "n": neurons(1.5), "out": sink()})
    spec = nirdynap.nir_to_dynapcnn(graph, convention="spikingjelly", v_min=-0.5)
    (core,) = spec.cores
    exported = dynapcnn_to_nir(spec)
    assert exported.metadata["dynapcnn"] == {
        "convention": "nir",
        "chip": "speck2f",
        "digest": spec.digest(),
        "cores": {"c": core.core},
        "scales": {"c": core.scale},
    }
    assert exported.nodes["c_if"].metadata["dynapcnn"] == {
        "reset": "zero",
        "v_min": core.threshold_low,
        "tie": "fires",
        "spikes_per_step": "one",
        "scale": 1.0,
    }


def two_cores(*slots: Destination, shape: tuple[int, int, int] = (2, 4, 4)) -> Spec:
    first = build_core(0, np.ones((2, 1, 1, 1)), (1, 4, 4), destinations=slots)
    return build_spec(first, build_core(1, np.ones((1, shape[0], 1, 1)), shape))


def test_a_plain_chain_is_convolutions_neurons_and_pools() -> None:
    graph = dynapcnn_to_nir(two_cores(Destination(core=1, pooling=2), shape=(2, 2, 2)))
    assert {name: type(node).__name__ for name, node in graph.nodes.items()} == {
        "input": "Input",
        "conv0": "Conv2d",
        "conv0_if": "IF",
        "conv0_if_pool2": "SumPool2d",
        "conv1": "Conv2d",
        "conv1_if": "IF",
        "out1": "Output",
    }


def test_the_same_destination_twice_counts_twice() -> None:
    spec = two_cores(Destination(core=1, pooling=1), Destination(core=1, pooling=1))
    assert_same(nirdynap.nir_to_dynapcnn(dynapcnn_to_nir(spec)), spec)


@pytest.mark.parametrize("shape", [(5, 4, 4), (2, 3, 3), (2, 6, 4), (3, 3, 6), (2, 6, 6), (2, 3, 4)])
def test_another_map_at_the_target_is_a_convolution_that_places_it(shape: tuple[int, int, int]) -> None:
    spec = two_cores(Destination(core=1, pooling=1, feature_shift=shape[0] - 2), shape=shape)
    graph = dynapcnn_to_nir(spec)
    placement = graph.nodes["conv0_if_to_conv1"]
    assert placement.weight.sum() == 2
    assert_same(nirdynap.nir_to_dynapcnn(graph), spec)


def test_names_that_torch_and_hdf5_take() -> None:
    core = replace(build_core(0, np.ones((1, 1, 1, 1)), (1, 2, 2)), name="block.conv/a")
    clash = replace(build_core(1, np.ones((1, 1, 1, 1)), (1, 2, 2)), name="block_conv_a")
    outputs = [OutputPort(0, 1, "input"), OutputPort(1, 2, "block_conv_a_if")]
    graph = dynapcnn_to_nir(
        build_spec(core, clash, inputs=[InputPort(0, 0), InputPort(1, 0)], outputs=outputs),
    )
    assert set(graph.nodes) == {
        *("block_conv_a", "block_conv_a_", "input", "block_conv_a_if"),  # names of the spec come first
        *("input_", "block_conv_a_if_", "block_conv_a__if", "block_conv_a__if_pool2"),
    }
    assert [len(core.destinations) for core in nirdynap.nir_to_dynapcnn(graph).cores] == [0, 0]


def test_what_nir_cannot_say_is_refused_all_at_once() -> None:
    first = build_core(0, np.ones((1, 1, 1, 1)), (1, 1, 1), initial_state=np.ones((1, 1, 1)), decimator=3)
    lost = build_core(1, np.ones((1, 1, 1, 1)), (1, 1, 1))
    with pytest.raises(CompileError) as caught:
        dynapcnn_to_nir(build_spec(first, lost, outputs=[OutputPort(0, 1, "out")]))
    assert [(d.code, d.place) for d in caught.value.diagnostics] == [
        ("ND607", "$.cores.0"),
        ("ND607", "$.cores.0"),
        ("ND607", "$.cores.1"),
        ("ND607", "$.cores.1"),
    ]


@pytest.mark.parametrize("sensor", [False, True])
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((2, 128, 128), {}),
        ((2, 32, 32), {"pooling": (4, 4)}),
        ((2, 12, 20), {"pooling": (4, 1), "origin": (8, 31)}),
        ((2, 12, 21), {"pooling": (1, 2), "origin": (116, 30), "polarity": "off"}),
        ((1, 9, 9), {"origin": (5, 0), "polarity": "on"}),
        ((1, 128, 128), {}),
    ],
)
def test_a_camera_is_a_pool_and_a_region(shape: Any, options: Any, sensor: bool) -> None:
    weight = (np.arange(8 * shape[0]) + 1.0).reshape(2, shape[0], 2, 2) / 16
    first = {"conv": conv(weight=weight, stride=2), "if": neurons()}
    drawn = chain(input=source(*shape), **first, output=sink())
    how = {"convention": "torch", "reset": "subtract", "spikes_per_step": "many"}
    spec = nirdynap.nir_to_dynapcnn(drawn, **how, dvs=DvsOptions(**options, pass_sensor_events=sensor))
    graph = dynapcnn_to_nir(spec)
    assert nirdynap.nir_to_dynapcnn(graph, dvs=DvsOptions(pass_sensor_events=sensor)) == spec
    raster = np.random.default_rng(1).poisson(0.6, (2, 2, 128, 128))
    outcome = interpret(read(graph), raster)
    result = simulate(spec, raster, saturate=False)
    np.testing.assert_array_equal(outcome.counts["conv_if"], result.counts[spec.cores[0].core])
    assert result.counts[spec.cores[0].core].sum() > 20


def test_mirrors_are_refused() -> None:
    spec = nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"), dvs=DvsOptions(mirror_x=True))
    with pytest.raises(CompileError, match=r"ND607.*the DVS layer mirrors its region"):
        dynapcnn_to_nir(spec)


def test_membranes_that_start_at_zero_are_no_initial_state() -> None:
    core = build_core(0, np.ones((1, 1, 1, 1)), (1, 1, 1), initial_state=np.zeros((1, 1, 1)))
    assert nirdynap.nir_to_dynapcnn(dynapcnn_to_nir(build_spec(core))).cores[0].initial_state is None
