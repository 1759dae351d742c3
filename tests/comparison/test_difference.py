"""What `diff` finds in graphs and specs that were changed in one place, and in real files of two versions."""

from __future__ import annotations

import dataclasses
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from commands import write_graph
from hypothesis import given

import nirdynap
from nirdynap import CompileError, InputError, Spec, StoreError, diff
from nirdynap.comparison.findings import Named, Renamed, Setting, Values
from nirdynap.comparison.graph import Wire
from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.digest import frozen
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.spec import CoreSpec
from nirdynap.ir.units import INT16_MAX
from nirdynap.testing.strategies import rasters, specs


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graph(tmp_path_factory.mktemp("diff") / "net.nir")


def changed(file: Path, names: dict[str, str] | None = None, shuffle: int | None = None, **nodes: Any) -> nir.NIRGraph:
    """The graph with other nodes, names, or order."""
    graph = nir.read(file)
    names = names or {}
    items = [(names.get(name, name), nodes.get(name, node)) for name, node in graph.nodes.items()]
    edges = [(names.get(a, a), names.get(b, b)) for a, b in graph.edges]
    if shuffle is not None:
        random.Random(shuffle).shuffle(items)
        random.Random(shuffle).shuffle(edges)
    return nir.NIRGraph(nodes=dict(items), edges=edges)


@pytest.mark.parametrize("shuffle", range(5))
def test_the_order_of_nodes_and_edges_makes_no_difference(file: Path, shuffle: int) -> None:
    found = diff(file, changed(file, shuffle=shuffle))
    assert found.same
    assert str(found) == f"{file} and NIRGraph: no difference"
    assert found.networks is not None
    assert found.specs is not None


def test_other_names_alone_are_told_as_such(file: Path) -> None:
    names = {name: f"layer_{i}" for i, name in enumerate(nir.read(file).nodes)}
    found = diff(file, changed(file, names, shuffle=3))
    assert not found.same
    assert found.networks is not None
    assert {(pair.a, pair.b) for pair in found.networks.renamed} == set(names.items())
    assert not found.networks.differs_beyond_names
    assert found.specs is not None
    assert not found.specs.differs_beyond_names
    assert str(found).splitlines()[0].endswith("the same under other names")


def test_names_that_change_places_are_seen_through(file: Path) -> None:
    found = diff(file, changed(file, {"if1": "if2", "if2": "if1"}))
    assert found.networks is not None
    assert found.networks.renamed == (Renamed(a="if1", b="if2"), Renamed(a="if2", b="if1"))
    assert not found.networks.differs_beyond_names


@pytest.mark.parametrize("rename", [False, True])
def test_one_weight(file: Path, rename: bool) -> None:
    graph = nir.read(file)
    graph.nodes["conv"].weight[2, 1, 0, 2] += 0.25
    graph.nodes["conv"].weight[3, 0, 2, 2] -= 0.5
    names = {"conv": "convolution", "if1": "neurons"} if rename else {}
    found = diff(file, changed(file, names, conv=graph.nodes["conv"]))
    assert found.networks is not None
    (change,) = found.networks.changed
    old = nir.read(file).nodes["conv"].weight
    assert (change.a, change.b, change.settings) == ("conv", names.get("conv", "conv"), ())
    weight = float(old[3, 0, 2, 2])
    expected = Values(
        name="weights", different=2, size=old.size, largest=0.5, at=(3, 0, 2, 2), a=weight, b=weight - 0.5
    )
    assert change.values == (expected,)
    assert len(found.networks.renamed) == len(names)
    assert found.specs is not None
    assert {c.a for c in found.specs.changed} == {"conv"}


def test_a_layer_more(file: Path) -> None:
    graph = nir.read(file)
    nodes, order = dict(graph.nodes), ["input", "conv", "if1", "more", "if3", "pool", "flat", "fc", "if2", "output"]
    nodes["more"] = nir.Conv2d((8, 8), np.ones((4, 4, 1, 1)), 1, 0, 1, 1, np.zeros(4))
    nodes["if3"] = nir.IF(np.ones((4, 8, 8)), np.ones((4, 8, 8)))
    found = diff(file, nir.NIRGraph(nodes=nodes, edges=list(pairwise(order))))
    assert found.networks is not None
    assert found.networks.only_a == found.networks.changed == found.networks.renamed == ()
    assert set(found.networks.only_b) == {Named(name="more", kind="Conv"), Named(name="if3", kind="IF")}
    assert found.networks.wires_only_a == (Wire(source="if1", target="pool"),)
    assert len(found.networks.wires_only_b) == 3
    assert found.specs is not None
    assert found.specs.only_b == (Named(name="more", kind="Layer"),)


def test_a_graph_beside_a_spec_is_lowered_as_that_was(file: Path, tmp_path: Path) -> None:
    spec = nirdynap.nir_to_dynapcnn(file, "dynapcnndevkit", convention="sinabs", spikes_per_step="one", v_min="none")
    path = tmp_path / "spec.h5"
    nirdynap.save(spec, path)
    for pair in ((file, spec), (spec, file), (path, nir.read(file)), (spec, path)):
        found = diff(*pair)
        assert found.same
        assert found.networks is None
        assert found.specs is not None
    assert not diff(file, spec, chip="speck2f").same
    blocks = {"decimator": {"conv": 2}, "slow_clock": ExternalClock(hz=500), "readout": True}
    assert diff(file, nirdynap.nir_to_dynapcnn(file, **blocks)).same
    assert not diff(file, spec, placement={"conv": 3}).same


def test_split_and_placement(file: Path) -> None:
    whole = nirdynap.nir_to_dynapcnn(file, placement={"conv": 2, "fc": 5})
    parts = nirdynap.nir_to_dynapcnn(file, split={"conv": 2}, placement={"conv": (2, 4), "fc": 5})
    found = diff(whole, parts).specs
    assert found is not None
    (change,) = found.changed
    assert (change.a, change.values) == ("conv", ())
    assert {(s.name, s.a, s.b) for s in change.settings} == {("core", "2", "2 4"), ("channels", "4", "2 2")}
    assert (found.wires_only_a, found.wires_only_b) == ((), ())


@given(st.data())
def test_specs_without_a_difference_are_equal_and_others_are_not(data: st.DataObject) -> None:
    spec = data.draw(specs(max_cores=4))
    assert diff(spec, dataclasses.replace(spec)).same
    other = data.draw(st.sampled_from(edits(spec)))
    found = diff(spec, other)
    assert found.same == (spec == other)
    assert str(found).endswith("no difference") == (spec == other)


def edits(spec: Spec) -> list[Spec]:
    """The spec with one thing changed, which may leave it equal."""
    core = spec.cores[-1]
    weights = core.weights.copy()
    weights.flat[0] ^= 1
    settings: list[dict[str, Any]] = [
        {"weights": frozen(weights, np.int8)},
        {"bias": frozen(np.ones(core.neuron_shape[0]), np.int16)},
        {"bias": None},
        {"stride": (core.stride[0] * 2, core.stride[1])},
        {"padding": (core.padding[0], core.padding[1] + 1)},
        {"threshold_high": INT16_MAX - 1},
        {"threshold_low": -77},
        {"return_to_zero": not core.return_to_zero},
        {"initial_state": frozen(np.full(core.neuron_shape, 3), np.int16)},
        {"decimator": core.decimator + 1},
        {"spacing": 2},
    ]
    cores = [dataclasses.replace(spec, cores=(*spec.cores[:-1], dataclasses.replace(core, **s))) for s in settings]
    turned = tuple(dataclasses.replace(c, destinations=c.destinations[::-1]) for c in spec.cores)
    camera = DvsLayer(
        polarity="both", merge=False, pooling=(1, 1), origin=(0, 0), size=(1, 1),
        mirror_y=False, mirror_x=False, mirror_diagonal=False, pass_sensor_events=True,
    )  # fmt: skip
    whole: list[dict[str, Any]] = [
        {"chip": "speck2e"},
        {"spikes_per_step": "one"},
        {"inputs": spec.inputs[::-1]},
        {"outputs": tuple(port._replace(pooling=4) for port in spec.outputs)},
        {"outputs": spec.outputs[::-1]},
        {"cores": turned},
        {"cores": tuple(_elsewhere(c) for c in spec.cores)},
        {"dvs": camera},
        {"slow_clock": ExternalClock(hz=1000)},
        {"slow_clock": InternalClock(divider=14)},
        {"readout": ReadoutOptions(threshold=3)},
    ]
    return cores + [dataclasses.replace(spec, **s) for s in whole]


def _elsewhere(core: CoreSpec) -> CoreSpec:
    targets = tuple(dataclasses.replace(d, feature_shift=d.feature_shift + 1) for d in core.destinations)
    return dataclasses.replace(core, destinations=targets)


def test_the_order_of_slots_is_a_difference(file: Path) -> None:
    spec = nirdynap.nir_to_dynapcnn(file, split={"fc": 2})
    turned = tuple(dataclasses.replace(c, destinations=c.destinations[::-1]) for c in spec.cores)
    found = diff(spec, dataclasses.replace(spec, cores=turned)).specs
    assert found is not None
    assert [setting.name for setting in found.settings] == ["order of cores, inputs or destinations"]


@given(st.data())
def test_equal_specs_behave_the_same(data: st.DataObject) -> None:
    spec = data.draw(specs(max_cores=3))
    found = diff(spec, dataclasses.replace(spec), data.draw(rasters(spec)))
    assert found.same
    assert found.behaviour is not None
    assert found.behaviour.first_difference is None
    assert [row.layer for row in found.behaviour.layers] == [cores[0].name for cores in spec.layers]


def test_what_is_refused(file: Path, tmp_path: Path) -> None:
    spec = nirdynap.nir_to_dynapcnn(file)
    with pytest.raises(InputError, match="ND780"):
        diff(spec, spec, chip="speck2e")
    with pytest.raises(CompileError, match="ND101"):
        diff(file, tmp_path / "absent.nir")
    with pytest.raises(StoreError, match="ND601"):
        diff(file, tmp_path / "absent.h5")
    large = write_graph(tmp_path / "large.nir", features=2048)
    with pytest.raises(CompileError, match="ND301"):
        diff(spec, large, split="never")
    with pytest.raises(CompileError, match="ND301"):
        diff(file, large, np.zeros((1, 2, 8, 8), dtype=np.int64), split="never")
    found = diff(large, large)
    assert found.same
    assert found.specs is None
    assert found.refused
    assert "integers are not compared" in str(found)


def test_files_that_cannot_be_read_are_compared_as_they_were_found(file: Path) -> None:
    leaky = [nir.LIF(tau=np.full(3, tau), r=np.ones(3), v_leak=np.zeros(3), v_threshold=np.ones(3)) for tau in (1, 3)]
    found = diff(changed(file, if2=leaky[0]), changed(file, if2=leaky[1]))
    assert found.networks is not None
    (change,) = found.networks.changed
    assert (change.a, change.settings) == ("if2", ())
    assert change.values == (Values(name="tau", different=3, size=3, largest=2.0, at=(0,), a=1, b=3),)
    assert {finding.code for finding in found.refused} == {"ND131"}


def test_a_graph_with_a_cycle_or_a_wire_to_nowhere_is_compared_too(shared_data: Path) -> None:
    for name in ("nir_files/other_6b7e7edd_feedback_graph.nir", "framework_exports/broken/edge_to_missing_node.nir"):
        found = diff(shared_data / name, shared_data / name)
        assert found.same
        assert found.refused


def test_real_files_of_two_versions_of_an_exporter(shared_data: Path) -> None:
    exports = shared_data / "framework_exports"
    name = "c_allconv_bias_if.nir"
    # nir 1.0.4 had no v_reset, which the newer file has: under one convention that reads as another reset.
    found = diff(exports / "norse_nir104" / name, exports / "norse" / name)
    assert found.networks is not None
    assert found.networks.renamed == found.networks.only_a == found.networks.only_b == ()
    assert {change.settings for change in found.networks.changed} == {(Setting(name="reset", a="subtract", b="zero"),)}
    assert diff(exports / "norse_nir104" / name, exports / "norse" / name, convention="norse").same
    # The development version names nodes otherwise.
    newest = diff(exports / "norse" / name, exports / "norse_git" / name)
    assert newest.networks is not None
    assert len(newest.networks.renamed) == 11
    assert not newest.networks.differs_beyond_names


def test_real_files_of_one_network_in_two_forms(shared_data: Path) -> None:
    files = shared_data / "nir_files"
    assert diff(files / "cnn_084f5302_scnn_mnist.e5ac8325.nir", files / "cnn_fce7d384_scnn_mnist.232ebad8.nir").same
    older = diff(files / "cnn_a923df10_scnn_mnist.ac9b3878.nir", files / "cnn_084f5302_scnn_mnist.e5ac8325.nir")
    assert older.networks is not None
    values = {(change.a, value.name, value.a, value.b) for change in older.networks.changed for value in change.values}
    assert values == {("4", "stride", 1, 2), ("7", "stride", 1, 2)}
    assert {finding.code for finding in older.refused} == {"ND118"}
