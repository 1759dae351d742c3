"""A planted fault breaks what must hold from one rung to the next, and is named at its place."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import nir
import numpy as np
import pytest

from nirdynap.compile import nir_to_dynapcnn
from nirdynap.frontend import read
from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import Layer
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.lower.group import group
from nirdynap.passes import normalise
from nirdynap.verify import ladder, verify
from nirdynap.verify.equal import unrounded
from nirdynap.verify.layers import compute_the_same, network_of_layers


def network(**reading: str) -> tuple[nir.NIRGraph, np.ndarray]:
    """Two convolutions with a pool between them that leaves a row over, and recordings that reach everything."""
    rng = np.random.default_rng(7)

    def conv(out: int, ins: int) -> nir.Conv2d:
        return nir.Conv2d(None, rng.normal(0.3, 0.5, (out, ins, 2, 2)), 1, 0, 1, 1, rng.normal(0, 0.05, out))

    def neurons(*shape: int) -> nir.IF:
        return nir.IF(np.ones(shape), np.full(shape, 1.0))

    pool = nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    nodes = {
        "in": nir.Input({"input": np.array([2, 6, 6])}),
        "conv1": conv(3, 2),
        "if1": neurons(3, 5, 5),
        "pool": pool,
        "conv2": conv(2, 3),
        "if2": neurons(2, 1, 1),
        "out": nir.Output({"output": np.array([2, 1, 1])}),
    }
    names = list(nodes)
    graph = nir.NIRGraph(nodes, list(itertools.pairwise(names)), type_check=False)
    return graph, rng.poisson(0.4, (20, 3, 2, 6, 6))


def test_layers_are_their_network_again():
    graph, _ = network()
    normalised = normalise(read(graph, "torch"))
    assert compute_the_same(network_of_layers(group(normalised), normalised), normalised)
    assert not compute_the_same(read(graph, "sinabs"), normalised)


def changed(layer: Layer, name: str) -> Layer:
    """The layer with one thing in it spoilt."""
    assert layer.bias is not None
    weights = layer.weights.copy()
    weights[1, 0, 1, 0] += 0.5
    faults: dict[str, dict[str, object]] = {
        "weights": {"weights": frozen(weights, np.float64)},
        "axes": {"weights": frozen(layer.weights.swapaxes(2, 3), np.float64)},
        "bias": {"bias": frozen(-layer.bias, np.float64)},
        "threshold": {"threshold": 1.25},
        "v_min": {"v_min": -0.1},
        "reset": {"reset": "zero"},
        "edge": {"links": (), "readouts": layer.readouts},
        "shift": {"input_shifts": ()},
    }
    return dataclasses.replace(layer, **faults[name])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        *((name, "conv1") for name in ("weights", "axes", "bias", "threshold", "v_min", "reset", "shift")),
        ("edge", "conv2"),  # conv1 fires as it did, and nothing comes of it
    ],
)
def test_a_fault_in_grouping_is_found(monkeypatch: pytest.MonkeyPatch, fault: str, where: str):
    def spoilt(normalised: object) -> tuple[Layer, ...]:
        first, *more = group(normalised)  # type: ignore[arg-type]
        return (changed(first, fault), *more)

    monkeypatch.setattr(ladder, "group", spoilt)
    graph, raster = network()
    checked = verify(graph, "speck2f", raster, convention="torch")
    (found,) = (note for note in checked.notes if note.code == "ND704")
    assert (found.severity, found.place) == ("error", f"$.nodes.{where}")
    lowered = next(rung for rung in checked.rungs if rung.name == "lowered")
    assert not lowered.repeats


def core_with(spec: Spec, **changes: object) -> Spec:
    first, *more = spec.cores
    return dataclasses.replace(spec, cores=(dataclasses.replace(first, **changes), *more))  # type: ignore[arg-type]


def nudged(core: CoreSpec) -> dict[str, Callable[[], object]]:
    weights = core.weights.copy()
    weights[2, 0, 1, 1] -= 1
    assert core.bias is not None
    return {
        "weights": lambda: frozen(weights, np.int8),
        "bias": lambda: frozen(core.bias + 1, np.int16),
        "threshold_high": lambda: core.threshold_high + 2,
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [("weights", "weight of output channel 2"), ("bias", "bias of output channel 0"), ("threshold_high", "threshold")],
)
def test_a_fault_in_rounding_is_found(name: str, words: str):
    graph, _ = network()
    spec = nir_to_dynapcnn(graph, convention="torch")
    layers = group(normalise(read(graph, "torch")))
    assert not [*unrounded(layers, spec)]
    (found,) = unrounded(layers, core_with(spec, **{name: nudged(spec.cores[0])[name]()}))
    assert (found.code, found.place) == ("ND707", "$.nodes.conv1")
    assert found.found.startswith(words)


@pytest.mark.parametrize("convention", ["torch", "norse", "snntorch", "sinabs"])
@pytest.mark.parametrize("bias_bits", [8, 16])
@pytest.mark.filterwarnings("ignore")
def test_what_is_rounded_is_not_reported(convention: str, bias_bits: int):
    graph, raster = network()
    checked = verify(graph, "speck2f", raster, convention=convention, bias_bits=bias_bits, split={"conv1": 2})
    assert not [note for note in checked.notes if note.severity == "error"]
    assert next(rung for rung in checked.rungs if rung.name == "lowered").repeats
