"""Kernels that are not square: the same spikes, and no larger map than there has to be."""

from __future__ import annotations

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from hypothesis import assume, given, settings
from same_run import assert_same_run, raster

from by_hand import chain, conv, flatten, neurons, sink, source
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.export.samna_config import to_samna
from nirdynap.frontend import read
from nirdynap.lower.validate import validate
from nirdynap.passes.square_kernels import square_kernels
from nirdynap.testing.samna_stand_in import samna_stand_in


def oblong(kernel, stride=1, padding=(0, 0), size=(8, 8)):
    weight = np.arange(1.0, 1 + 2 * np.prod(kernel)).reshape(2, 1, *kernel) / 16
    nodes = {"conv": conv(weight=weight, stride=stride, padding=padding), "if": neurons()}
    return chain(**{"in": source(1, *size)}, **nodes, out=sink())


side = st.integers(1, 6)


@settings(deadline=None, max_examples=150)
@given(
    kernel=st.tuples(side, side),
    stride=st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4])),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_zeros_fill_the_kernel_and_nothing_else_changes(kernel, stride, padding, size):
    assume(all(k <= n + 2 * p for k, n, p in zip(kernel, size, padding, strict=True)))
    network = read(oblong(kernel, stride, padding, size), "torch")
    after = square_kernels(network)
    before, node = network.node("conv"), after.node("conv")
    assert node.weights.shape == (2, 1, max(kernel), max(kernel))
    assert node.output_shape == before.output_shape
    assert max(node.padding) <= max((max(kernel) - 1) // 2, *padding), "legal wherever kernel and padding were"
    assert_same_run(network, after, raster(network, 1))


def can_stay(side, kernel, stride, padding, size):
    """Is there a number of zeros in front with which the kernel is at as many positions of the same map?"""
    positions = (size + 2 * padding - kernel) // stride
    for before in range(side - kernel + 1):
        room = size + 2 * (padding + before) - side
        legal = before == 0 or padding + before <= (side - 1) // 2
        if legal and room >= 0 and (room // stride == positions or positions == 0):
            return True
    return False


@settings(deadline=None, max_examples=300)
@given(
    kernel=st.tuples(side, side),
    stride=st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4])),
    below_half=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    spare=st.tuples(st.integers(0, 5), st.integers(0, 5)),
)
def test_the_map_is_enlarged_only_where_nothing_else_does(kernel, stride, below_half, spare):
    """Against all numbers of zeros, for paddings below half of the kernel; by one row or column at most."""
    padding = tuple(min(p, (k - 1) // 2) for p, k in zip(below_half, kernel, strict=True))
    size = tuple(max(k - 2 * p, 1) + n for k, p, n in zip(kernel, padding, spare, strict=True))
    network = read(oblong(kernel, stride, padding, size), "torch")
    axes = zip(kernel, stride, padding, size, strict=True)
    expected = tuple(n + (not can_stay(max(kernel), k, s, p, n)) for k, s, p, n in axes)
    assert square_kernels(network).node("conv").input_shape == (1, *expected)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"),
    [
        ((1, 3), 1, (0, 1), (8, 8)),  # sides that differ by an even number, padded so that the map stays
        ((5, 1), 1, (2, 0), (8, 8)),
        ((3, 5), 2, (1, 2), (8, 8)),
        ((2, 4), 1, (0, 0), (8, 8)),
        ((2, 3), 2, (0, 1), (9, 8)),  # by an odd number, and a row is left over
        ((3, 8), 1, (0, 0), (3, 8)),  # a dense layer behind a map that is not square
        ((5, 8), 1, (0, 0), (5, 8)),
    ],
)
def test_the_map_is_as_large_as_what_arrives(kernel, stride, padding, size):
    network = read(oblong(kernel, stride, padding, size), "torch")
    assert square_kernels(network).node("conv").input_shape == (1, *size)
    assert validate(nir_to_dynapcnn(oblong(kernel, stride, padding, size), convention="torch")) == ()


def test_a_column_is_added_where_nothing_else_does():
    """A 2x3 kernel in steps of 1: a 3x3 one that reads the same has another number of positions."""
    network = read(oblong((2, 3)), "torch")
    assert square_kernels(network).node("conv").input_shape == (1, 9, 8)
    assert [d.code for d in validate(nir_to_dynapcnn(oblong((2, 3)), convention="torch"))] == ["ND629"]


def test_a_dense_layer_behind_an_oblong_map_is_exported():
    nodes: dict[str, nir.NIRNode] = {"conv": conv(3, kernel=3), "if": neurons(), "flat": flatten()}
    weight = np.random.default_rng(0).integers(-20, 40, (4, 3 * 5 * 8)) / 32
    nodes |= {"dense": nir.Linear(weight), "if2": neurons()}
    spec = nir_to_dynapcnn(chain(**{"in": source(1, 7, 10)}, **nodes, out=sink()), convention="torch")
    assert spec.cores[1].weights.shape[2:] == (8, 8)
    to_samna(spec, samna_stand_in())  # which refuses maps that differ
