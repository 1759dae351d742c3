"""Regions, polarities and pools that a network begins with are the camera's: the rest of it sees the same counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from by_hand import avg_pool, chain, conv, flatten, graph, neurons, sink, source, sum_pool
from nirdynap import DvsOptions, Events, nir_to_dynapcnn, simulate
from nirdynap.chips.chip import load_chip
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.network import Network
from nirdynap.lower.camera import behind_camera, in_front
from nirdynap.sim.inputs import behind_dvs
from nirdynap.sim.stimulus import read_recording

CONVENTION = {"convention": "torch", "reset": "subtract", "spikes_per_step": "many"}
CHIP = load_chip("speck2f")
SIZE = (2, 24, 20)
KEEP, MERGE, OFF, ON, SWAP = np.eye(2), [[1, 1]], [[1, 0]], [[0, 1]], [[0, 1], [1, 0]]
NO_OFF = [[0, 0], [0, 1]]


def tap(channels: Any, kernel: tuple[int, int] = (1, 1), at: tuple[int, int] = (0, 0), **changed: Any) -> Any:
    """A convolution of one tap, which passes channels on as the matrix says."""
    weight = np.zeros((*np.shape(channels), *kernel))
    weight[:, :, at[0], at[1]] = channels
    return conv(*weight.shape[:2], weight=weight, **changed)


def wide_pool(*size: int) -> Any:
    """A sum pool of (y, x) pixels."""
    return sum_pool(1, kernel_size=np.array(size), stride=np.array(size))


def drawn(*beginning: Any, shape: tuple[int, int, int] = SIZE, channels: int = 2, padding: int = 1) -> Any:
    """Some nodes in a row in front of two convolutions; the map is wide enough for both."""
    names = [f"n{i}" for i in range(len(beginning))]
    nodes = {"in": source(*shape), **dict(zip(names, beginning, strict=True))}
    weight = (np.arange(8 * channels) + 1.0).reshape(2, channels, 2, 2) / 16  # each pixel leaves spikes of its own
    nodes |= {"a": conv(weight=weight, padding=padding), "if_a": neurons(), "out_a": sink()}
    nodes |= {"b": conv(weight=weight), "if_b": neurons(), "out_b": sink()}
    last = names[-1] if names else "in"
    return graph(nodes, " -> ".join(["in", *names, "a", "if_a", "out_a"]), f"{last} -> b -> if_b -> out_b")


def recording(n: int = 3000, rows: int = 64, columns: int = 64) -> Events:
    rng = np.random.default_rng(n)
    c, y, x = (rng.integers(0, side, n) for side in (2, rows, columns))
    return Events(t=np.sort(rng.integers(0, 4_000, n)), c=c, y=y, x=x)


def counts(network: Network, layer: DvsLayer | None, events: Events) -> dict[str, Any]:
    """Spikes of a network that looks through a DVS layer."""
    (stimulus,) = read_recording(events, (2, 128, 128), dt_us=1000, duration_us=4000)
    seen = behind_dvs(layer, stimulus)
    raster = np.zeros((4, *network.input.input_shape), dtype=int)
    np.add.at(raster, (seen.t // 1000, seen.c, seen.y, seen.x), seen.count)
    return {name: total.tolist() for name, total in interpret(network, raster).counts.items()}


@st.composite
def beginnings(draw: Callable[[Any], Any]) -> tuple[Any, int]:
    """Pools and taps in a row, some of which no camera can do, and the channels behind them."""
    shape, nodes = list(SIZE), []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["sum", "avg", "tap", "tap", "tap"]))
        if kind != "tap":
            size = draw(st.sampled_from([2, 2, 4])) if min(shape[1:]) >= 12 else 1
            nodes.append(sum_pool(size) if kind == "sum" else avg_pool(size))
            shape[1:] = [side // size for side in shape[1:]]
            continue
        matrix = draw(st.sampled_from([KEEP, KEEP, MERGE, OFF, ON, SWAP, NO_OFF])) if shape[0] == 2 else np.eye(1)
        kernel = tuple(draw(st.integers(1, max(1, min(7, side - 2)))) for side in shape[1:])
        at = tuple(draw(st.integers(0, n - 1)) for n in kernel)
        pad = draw(st.sampled_from([0, 0, 1]))
        nodes.append(tap(matrix, kernel, at, padding=(pad, pad)))
        shape = [len(matrix), *(side + 2 * pad - n + 1 for side, n in zip(shape[1:], kernel, strict=True))]
    return nodes, shape[0]


@settings(deadline=None, max_examples=150)
@given(
    beginning=beginnings(),
    polarity=st.sampled_from(["both", "both", "on", "off"]),
    pooling=st.tuples(st.sampled_from([1, 2]), st.sampled_from([1, 2])),
    corner=st.tuples(st.integers(0, 8), st.integers(0, 8)),
    mirrors=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_the_rest_sees_the_same(beginning: Any, polarity: Any, pooling: Any, corner: Any, mirrors: Any) -> None:
    nodes, channels = beginning
    network = read(drawn(*nodes, channels=channels), **CONVENTION)
    options = DvsOptions(
        polarity=polarity,
        pooling=pooling,
        origin=(corner[0] * pooling[0], corner[1] * pooling[1]),
        mirror_y=mirrors[0],
        mirror_x=mirrors[1],
        mirror_diagonal=mirrors[2],
    )
    behind, layer = behind_camera(network, CHIP, options)
    assert layer is not None
    assert behind.input.input_shape == layer.output_shape
    before = counts(network, in_front(network, options), recording())
    assert counts(behind, layer, recording()) == before


@pytest.mark.parametrize(
    ("beginning", "channels", "expected"),
    [
        ([tap(KEEP, (9, 5), (3, 4))], 2, {"origin": (3, 4), "size": (16, 16)}),
        ([tap(KEEP, (9, 5), (4, 4), padding=(1, 0))], 2, {"origin": (3, 4), "size": (18, 16)}),
        ([tap([[1], [1]], (9, 5), (3, 4), groups=2)], 2, {"origin": (3, 4), "size": (16, 16)}),
        ([tap(MERGE)], 1, {"merge": True, "polarity": "both", "size": (24, 20)}),
        ([tap(OFF)], 1, {"merge": True, "polarity": "off"}),
        ([tap(NO_OFF)], 2, {"merge": False, "polarity": "on"}),
        ([tap(ON, (9, 5), (0, 1))], 1, {"merge": True, "polarity": "on", "origin": (0, 1), "size": (16, 16)}),
        ([avg_pool(2), tap(MERGE, (3, 3), (1, 2))], 1, {"pooling": (2, 2), "origin": (1, 2), "size": (10, 8)}),
        ([wide_pool(2, 4), tap(MERGE, (3, 2), (1, 1))], 1, {"pooling": (2, 4), "origin": (1, 1), "size": (10, 4)}),
        ([tap(KEEP, (9, 5), (4, 2)), sum_pool(2)], 2, {"pooling": (2, 2), "origin": (2, 1), "size": (8, 8)}),
        ([tap(KEEP, (9, 5), (4, 2)), tap(MERGE, (3, 3), (1, 1))], 1, {"origin": (5, 3), "size": (14, 14)}),
        # What is left of a pool must be square, and rows from 3 on are no whole windows: the pool stays.
        ([tap(KEEP, (9, 5), (3, 2)), sum_pool(2)], 2, {"pooling": (1, 1), "origin": (3, 2), "size": (16, 16)}),
    ],
)
def test_what_the_layer_takes_over(beginning: Any, channels: int, expected: dict[str, Any]) -> None:
    spec = nir_to_dynapcnn(drawn(*beginning, channels=channels), **CONVENTION, dvs=True)
    assert {name: getattr(spec.dvs, name) for name in expected} == expected
    assert spec.port_shape[0] == channels
    assert len(spec.inputs) == 2  # both branches
    for core in spec.cores:
        assert {f"n{i}" for i in range(len(beginning))} <= set(core.origin)


@pytest.mark.parametrize(
    "node",
    [
        tap(SWAP),
        tap(2 * KEEP),
        tap([[1, -1]]),
        tap([[1], [1]]),
        tap(KEEP, padding=1),
        tap(KEEP, stride=2),
        tap(KEEP, bias=np.array([0.0, 0.5])),
        tap(KEEP, (2, 2), (1, 1), dilation=2),
        conv(
            2, 2, 2, weight=np.array([[[[1.0, 0], [0, 0]], [[0, 0], [0, 0]]], [[[0, 0], [0, 0]], [[0, 1.0], [0, 0]]]])
        ),
        conv(1, 2, 2, weight=np.array([[[[1.0, 0], [0, -1.0]], [[0, 0], [0, 1.0]]]])),
    ],
)
def test_what_it_does_not(node: Any) -> None:
    """Exchanged, scaled, repeated or biased channels, visible padding, strides, taps at several places."""
    shape = (1, 24, 20) if node.weight.shape[1] == 1 and node.groups == 1 else SIZE
    network = read(drawn(node, shape=shape, channels=len(node.weight)), **CONVENTION)
    behind, layer = behind_camera(network, CHIP, True)
    assert layer == in_front(network, True)
    assert behind.edges == network.edges


@pytest.mark.parametrize("region_first", [True, False])
def test_what_only_one_of_two_branches_begins_with(region_first: bool) -> None:
    """The other branch sees all of the map."""
    nodes = {"in": source(*SIZE), "cut": tap(KEEP, (9, 5), (3, 4))}
    nodes |= {"a": conv(2, 2), "if_a": neurons(), "out_a": sink(), "b": conv(2, 2), "if_b": neurons(), "out_b": sink()}
    ways = ("in -> cut -> a", "in -> b") if region_first else ("in -> a", "in -> cut -> b")
    network = read(graph(nodes, *ways, "a -> if_a -> out_a", "b -> if_b -> out_b"), **CONVENTION)
    behind, layer = behind_camera(network, CHIP, True)
    assert (behind.nodes, behind.edges) == (network.nodes, network.edges)
    assert layer == in_front(network, True)


def test_neurons_keep_their_weights() -> None:
    """A 1x1 identity in front of neurons is a layer that fires, and no wiring; so it is with a pool between."""
    first = {"in": source(*SIZE), "c": tap(KEEP, (3, 3))}
    rest = {"if": neurons(), "d": conv(channels=2, kernel=1), "if_d": neurons(), "out": sink()}
    for between in ({}, {"pool": sum_pool(2)}):
        behind, _ = behind_camera(read(chain(**first, **between, **rest), **CONVENTION), CHIP, True)
        assert behind.input.input_shape == SIZE
    dense = chain(**first, flat=flatten(), d=tap(np.ones((2, 2 * 22 * 18))), f=neurons(), out=sink())
    behind, _ = behind_camera(read(dense, **CONVENTION), CHIP, True)
    assert behind.input.input_shape == (2, 22, 18)


def test_the_other_polarity_stays_with_the_network() -> None:
    """ON events only, of which the network takes the OFF ones: nothing, which a layer cannot be told."""
    network = read(drawn(tap(OFF), channels=1), **CONVENTION)
    _, layer = behind_camera(network, CHIP, DvsOptions(polarity="on"))
    assert (layer.polarity, layer.merge) == ("on", False)


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_with_and_without_a_camera(semantics: Any) -> None:
    """The whole way: one spec cuts and merges in its kernel, the other on the camera, and both spike alike."""
    graph = drawn(tap(MERGE, (9, 9), (5, 2)), channels=1, padding=0)
    plain, behind = (nir_to_dynapcnn(graph, **CONVENTION, dvs=dvs) for dvs in (False, True))
    assert (plain.cores[0].input_shape, behind.cores[0].input_shape) == (SIZE, (1, 16, 12))
    events = recording(8000, *SIZE[1:])
    a, b = (simulate(spec, events, semantics) for spec in (plain, behind))
    assert a.output_events == b.output_events
    assert sum(total.sum() for total in a.output_counts.values()) > 100


def test_a_region_of_a_map_that_is_larger_than_the_camera() -> None:
    graph = drawn(tap(KEEP, (181, 181), (40, 60)), shape=(2, 240, 240))
    assert nir_to_dynapcnn(graph, **CONVENTION, dvs=True).dvs.size == (60, 60)
    assert dataclasses.asdict(in_front(read(graph, **CONVENTION), True))["size"] == (240, 240)
