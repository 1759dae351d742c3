import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from same_run import assert_same_run, raster

from by_hand import conv, graph, neurons, sink, source
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.network import Conv
from nirdynap.passes import normalise
from nirdynap.passes.merge_currents import merge_currents
from nirdynap.passes.rewrite import replaced


def two_into_one(a, b, *, same_source=True, **nodes):
    parts = {"in": source(), "a": a, "b": b, "if": neurons(), "out": sink()} | nodes
    if same_source:
        return read(graph(parts, "in -> a -> if -> out", "in -> b -> if"), "torch")
    parts |= {"first": conv(padding=1), "spike": neurons()}
    return read(graph(parts, "in -> first -> spike -> a -> if -> out", "in -> b -> if"), "torch")


@given(
    reach=st.lists(st.integers(0, 2), min_size=2, max_size=2, unique=True),
    stride=st.integers(1, 2),
    biases=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 99),
)
def test_kernels_of_one_source_are_laid_over_each_other(reach, stride, biases, seed):
    layers = [conv(kernel=2 * r + 1, padding=r, stride=stride) for r in reach]
    for layer, biased in zip(layers, biases, strict=True):
        layer.bias = np.array([0.25, -0.5]) * biased
    network = two_into_one(*layers)
    after = merge_currents(network)
    (merged,) = [n for n in after.nodes if isinstance(n, Conv)]
    assert merged.weights.shape == (2, 1, 2 * max(reach) + 1, 2 * max(reach) + 1)
    assert set(merged.origin) == {"a", "b"}
    assert_same_run(network, after, raster(network, seed))


@given(
    paddings=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=3),
    base=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    seed=st.integers(0, 99),
)
def test_any_number_of_kernels_of_any_sides(paddings, base, stride, seed):
    """Larger kernels with as much more padding have the same positions, along each axis by itself."""
    rng = np.random.default_rng(seed)
    parts = {"in": source(1, 7, 8), "if": neurons(), "out": sink()}
    for name, padding in zip("abc", paddings, strict=False):
        sides = [n + 2 * p for n, p in zip(base, padding, strict=True)]
        parts[name] = conv(weight=rng.integers(-4, 8, (2, 1, *sides)) / 16, padding=padding, stride=stride)
    network = read(graph(parts, "in -> a -> if -> out", *(f"in -> {n} -> if" for n in parts if n in "bc")), "torch")
    after = merge_currents(network)
    (merged,) = (n for n in after.nodes if isinstance(n, Conv))
    assert sorted(merged.origin) == sorted(n for n in parts if n in "abc")
    assert merged.padding == tuple(max(p[axis] for p in paddings) for axis in (0, 1))
    assert merged.weights.shape[2:] == tuple(n + 2 * p for n, p in zip(base, merged.padding, strict=True))
    assert_same_run(network, after, raster(network, seed))


def test_a_single_convolution_is_left_alone():
    network = read(
        graph({"in": source(), "a": conv(), "if": neurons(), "out": sink()}, "in -> a -> if -> out"), "torch"
    )
    assert merge_currents(network) is network


def test_without_biases_there_is_none_after():
    network = two_into_one(conv(), conv(kernel=5, padding=1))
    for name in "ab":
        network = replaced(network, dataclasses.replace(network.node(name), bias=None))
    after = merge_currents(network)
    (merged,) = (n for n in after.nodes if isinstance(n, Conv))
    assert merged.bias is None
    assert_same_run(network, after, raster(network, 1))


@given(seed=st.integers(0, 99))
def test_other_sources_get_channels_of_their_own(seed):
    network = two_into_one(conv(channels=2, padding=1), conv(kernel=1), same_source=False)
    after = merge_currents(network)
    merged = next(n for n in after.nodes if isinstance(n, Conv) and set(n.origin) == {"a", "b"})
    assert merged.input_shape[0] == 3
    assert_same_run(network, after, raster(network, seed))
    assert_same_run(network, normalise(network), raster(network, seed))


def test_kernels_of_unequal_position_still_meet():
    network = two_into_one(conv(kernel=3, padding=0, stride=2), conv(kernel=4, padding=0, stride=2))
    assert_same_run(network, merge_currents(network), raster(network, 5))


@pytest.mark.parametrize("b", [conv(kernel=2, stride=2, padding=1)])
def test_unequal_strides_are_refused(b):
    a = conv(kernel=4)
    assert a.weight.shape[2:] == (4, 4)
    network = two_into_one(a, b)
    with pytest.raises(CompileError, match="ND214"):
        normalise(network)
