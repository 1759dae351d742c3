from __future__ import annotations

from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from same_run import assert_same_run, raster

from by_hand import avg_pool, conv, graph, neurons, scale, sink, source, sum_pool
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.network import Edge, Network
from nirdynap.passes import normalise
from nirdynap.passes.fold_placements import fold_placements, placement_kernel


def placement(features: int = 2, shift: int = 0, side: int = 1, padding: int = 0, **changed: Any) -> nir.Conv2d:
    """Puts one channel at channel `shift` of `features`."""
    weight = placement_kernel(features, 1, (side, side), (padding, padding), shift)
    return conv(weight=weight, padding=padding, **changed)


def placed(place: nir.Conv2d, target: nir.Conv2d) -> Network:
    nodes = {"in": source(), "place": place, "conv": target, "if": neurons(), "out": sink()}
    return read(graph(nodes, "in -> place -> conv -> if -> out"), "torch")


@given(
    shift=st.integers(0, 2),
    more=st.integers(0, 2),
    side=st.integers(1, 4),
    corner=st.integers(0, 3),
    kernel=st.integers(1, 3),
    padding=st.integers(0, 2),
)
def test_the_same_run_without_the_placement(shift, more, side, corner, kernel, padding):
    features = shift + 1 + more
    target = conv(channels=features, kernel=kernel, padding=padding)
    network = placed(placement(features, shift, side, min(corner, side - 1)), target)
    after = fold_placements(network)
    assert after.edges[0] == Edge(source="in", target="conv", feature_shift=shift)
    assert after.node("conv").origin == ("conv", "place")
    assert_same_run(network, after, raster(network, 3))


@given(kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)), corner=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_each_axis_is_cut_or_filled_by_itself(kernel, corner):
    """In front of a square kernel: the map grows along one axis and shrinks along the other."""
    corner = tuple(min(n, k - 1) for n, k in zip(corner, kernel, strict=True))
    weight = placement_kernel(2, 1, kernel, corner, 1)
    assert np.argwhere(weight).tolist() == [[1, 0, *corner]]
    network = placed(conv(weight=weight, padding=corner), conv(channels=2, kernel=2))
    after = fold_placements(network)
    assert [node.name for node in after.nodes] == ["in", "conv", "if", "out"]
    assert_same_run(network, after, raster(network, 2))


@pytest.mark.parametrize(("kernel", "corner"), [((2, 1), (1, 0)), ((1, 2), (0, 1)), ((3, 1), (0, 0)), ((1, 3), (0, 0))])
def test_a_cut_along_either_axis_is_a_cut(kernel, corner):
    """Filled or cut along one axis only, in front of an oblong kernel: only what is filled may go."""
    place = conv(weight=placement_kernel(1, 1, kernel, corner, 0), padding=corner)
    network = placed(place, conv(weight=np.ones((2, 1, 2, 3))))
    assert (fold_placements(network) == network) == (corner == (0, 0))


@pytest.mark.parametrize("padding", [(2, 0), (0, 2)])
def test_what_only_adds_empty_rows_before_the_map_is_no_placement(padding):
    """The tap that would copy lies outside of the kernel."""
    weight = np.zeros((1, 1, 2, 2))
    weight[0, 0, 0, 0] = 1
    network = placed(conv(weight=weight, padding=padding), conv())
    assert fold_placements(network) == network


def test_channels_side_by_side():
    nodes = {
        "in": source(),
        "a": conv(1),
        "b": conv(1),
        "if a": neurons(),
        "if b": neurons(),
        "place": placement(2, 1),
        "zero": placement(2, 0),
        "conv": conv(channels=2),
        "if": neurons(),
        "out": sink(),
    }
    edges = ("in -> a -> if a -> place -> conv -> if -> out", "in -> b -> if b -> zero -> conv")
    network = read(graph(nodes, *edges), "torch")
    after = fold_placements(network)
    assert {(e.source, e.feature_shift) for e in after.edges_into("conv")} == {("if a", 1), ("if b", 0)}
    assert_same_run(network, after, raster(network, 4))


def test_of_two_in_a_row_both_go_unless_the_second_empties_what_the_first_cut_off():
    nodes = {
        "in": source(),
        "cut": placement(1, 0, 3, 0),
        "grow": placement(2, 1, 3, 2),
        "conv": conv(channels=2),
        "if": neurons(),
        "out": sink(),
    }
    network = read(graph(nodes, "in -> cut -> grow -> conv -> if -> out"), "torch")
    after = fold_placements(network)
    assert [node.name for node in after.nodes] == ["in", "cut", "conv", "if", "out"]
    assert_same_run(network, after, raster(network, 5))
    swapped = read(
        graph(nodes | {"cut": placement(1), "grow": placement(2, 1)}, *["in -> cut -> grow -> conv -> if -> out"]),
        "torch",
    )
    after = fold_placements(swapped)
    assert [node.name for node in after.nodes] == ["in", "conv", "if", "out"]
    assert_same_run(swapped, after, raster(network, 6))


@pytest.mark.parametrize(
    "other",
    [
        placement(stride=2, side=2),
        placement(bias=np.array([0.0, 1.0])),
        conv(weight=2 * placement_kernel(2, 1, (1, 1), (0, 0), 0)),
        conv(weight=placement_kernel(2, 1, (3, 3), (1, 1), 0)),
        conv(weight=placement_kernel(2, 1, (1, 1), (0, 0), 1), padding=1),
        conv(weight=np.ones((2, 1, 1, 1))),
        conv(weight=np.zeros((2, 1, 1, 1))),
    ],
)
def test_what_does_more_than_placing_stays(other):
    network = placed(other, conv(channels=2))
    assert fold_placements(network) == network


def test_a_cut_stays_where_its_target_may_be_enlarged():
    oblong = conv(weight=np.ones((2, 1, 1, 3)))
    network = placed(placement(1, side=2), oblong)
    assert fold_placements(network) == network
    nodes = {
        "in": source(),
        "cut": placement(1, side=3),
        "conv": conv(kernel=1, padding=1),
        "other": conv(kernel=1),
        "if": neurons(),
        "out": sink(),
    }
    shared = read(graph(nodes, "in -> cut -> conv -> if -> out", "in -> other -> if"), "torch")
    assert fold_placements(shared) == shared


def test_a_placement_in_front_of_neurons_is_a_layer():
    nodes = {"in": source(), "relay": placement(1), "if": neurons(), "out": sink()}
    network = read(graph(nodes, "in -> relay -> if -> out"), "torch")
    assert fold_placements(network) == network


@pytest.mark.parametrize("in_front", [sum_pool(2), avg_pool(2), scale(0.5), conv(1)])
@pytest.mark.parametrize("place", [placement(2, 1), placement(2, 1, 2), placement(2, 1, 3, 2)])
def test_all_passes_together_keep_every_spike(in_front, place):
    nodes = {"in": source(), "front": in_front, "place": place, "conv": conv(channels=2), "if": neurons()}
    network = read(graph(nodes | {"out": sink()}, "in -> front -> place -> conv -> if -> out"), "torch")
    if isinstance(in_front, nir.SumPool2d) and place.weight.shape[2] > 1:
        with pytest.raises(CompileError, match="ND208"):  # a pool of the input whose map is cut or enlarged
            normalise(network)
    else:
        assert_same_run(network, normalise(network), raster(network, 7))
