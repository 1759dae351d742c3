import importlib

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from hypothesis import given
from same_run import assert_same_run, raster

from by_hand import avg_pool, chain, conv, flatten, graph, neurons, scale, sink, source, sum_pool
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.network import IF, Conv
from nirdynap.passes import normalise
from nirdynap.passes.fold_affine_maps import fold_affine_maps

sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))
small = st.tuples(st.integers(0, 1), st.integers(0, 1))


def layer(out, channels, size, stride, padding, bias, seed):
    rng = np.random.default_rng(seed)
    weight = rng.integers(-4, 8, (out, channels, *size)) / 16
    made = rng.integers(-4, 8, out) / 16 * bias
    return nir.Conv2d(None, weight, np.array(stride), np.array(padding), 1, 1, made)


def affine(out, features, seed):
    rng = np.random.default_rng(seed)
    return nir.Affine(rng.integers(-4, 8, (out, features)) / 16, rng.integers(-4, 8, out) / 16)


def folded(drawn, pass_=normalise):
    """The network before and after; one convolution is left."""
    before = read(drawn, "torch")
    after = pass_(before)
    assert len([n for n in after.nodes if isinstance(n, Conv)]) == 1
    return before, after


@given(
    rows=st.integers(7, 12),
    one=sizes,
    two=sizes,
    strides=st.tuples(*[st.integers(1, 2)] * 4),
    padding=small,
    biases=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 99),
)
def test_two_convolutions_are_one(rows, one, two, strides, padding, biases, seed):
    nodes = {
        "in": source(2, rows, 9),
        "a": layer(3, 2, one, strides[:2], padding, biases[0], seed),
        "b": layer(4, 3, two, strides[2:], 0, biases[1], seed + 1),
        "if": neurons(),
        "out": sink(),
    }
    before, after = folded(chain(**nodes), fold_affine_maps)
    assert after.node("b").origin == ("b", "a")
    assert after.node("b").stride == (strides[0] * strides[2], strides[1] * strides[3])
    assert_same_run(before, after, raster(before, seed))


@given(
    rows=st.integers(5, 9),
    kernel=sizes,
    strides=st.tuples(*[st.integers(1, 2)] * 4),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    seed=st.integers(0, 99),
)
def test_behind_a_pointwise_one_without_bias_the_second_may_pad(rows, kernel, strides, padding, seed):
    nodes = {
        "in": source(2, rows, 7),
        "a": layer(3, 2, (1, 1), strides[:2], 0, False, seed),
        "b": layer(2, 3, kernel, strides[2:], padding, True, seed + 1),
        "if": neurons(),
        "out": sink(),
    }
    before, after = folded(chain(**nodes), fold_affine_maps)
    assert_same_run(before, after, raster(before, seed))


@given(seed=st.integers(0, 99), layers=st.integers(2, 4), biased=st.booleans())
def test_dense_layers_in_a_row_are_one(seed, layers, biased):
    dense = {f"fc{i}": affine(5, 12 if i == 0 else 5, seed + i) for i in range(layers)}
    if not biased:
        dense = {name: nir.Linear(node.weight) for name, node in dense.items()}
    before, after = folded(chain(**{"in": source(12), **dense, "if": neurons(), "out": sink()}))
    assert set(after.node(f"fc{layers - 1}").origin) == set(dense)
    assert_same_run(before, after, raster(before, seed))


@pytest.mark.parametrize("first", [True, False])
def test_a_bias_of_one_of_two_layers(first):
    dense = [affine(5, 12, 1), affine(5, 5, 2)]
    dense[first] = nir.Linear(dense[first].weight)
    before, after = folded(chain(**{"in": source(12), "a": dense[0], "b": dense[1], "if": neurons(), "out": sink()}))
    assert after.node("b").bias is not None
    assert_same_run(before, after, raster(before, 1))


@given(seed=st.integers(0, 99), stride=st.integers(1, 2), padding=st.integers(0, 1))
def test_a_dense_layer_behind_a_convolution(seed, stride, padding):
    first = conv(2, 1, 3, stride=stride, padding=padding, bias=np.array([1.0, -2.0]) / 16)
    side = (6 + 2 * padding - 3) // stride + 1
    nodes = {"in": source(1, 6, 6), "a": first, "flat": flatten(), "fc": affine(3, 2 * side * side, seed)}
    before, after = folded(chain(**nodes, **{"if": neurons(), "out": sink()}))
    assert_same_run(before, after, raster(before, seed))


@given(seed=st.integers(0, 99), form=st.sampled_from(["depthwise", "diagonal", "scale and depthwise", "scale only"]))
def test_a_batch_norm_written_as_layers_behind_the_weights(seed, form):
    rng = np.random.default_rng(seed)
    factor, shift = 2.0 ** rng.integers(-2, 2, 3), rng.integers(-4, 8, 3) / 16
    per_channel = nir.Conv2d(None, factor[:, None, None, None], 1, 0, 1, 3, shift)
    only_shift = nir.Conv2d(None, np.ones((3, 1, 1, 1)), 1, 0, 1, 3, shift)
    nodes = {"in": source(2, 7, 7), "a": conv(3, 2, padding=1, bias=np.array([1.0, 0.0, -3.0]) / 16)}
    if form == "diagonal":
        nodes = {"in": source(12), "a": affine(3, 12, seed), "norm": nir.Affine(np.diag(factor), shift)}
    elif form == "depthwise":
        nodes |= {"norm": per_channel}
    else:
        nodes |= {"norm": scale(factor)} | ({"shift": only_shift} if "depthwise" in form else {})
    before, after = folded(chain(**nodes, **{"if": neurons(), "out": sink()}))
    assert_same_run(before, after, raster(before, seed))


@given(seed=st.integers(0, 99))
def test_a_batch_norm_in_front_of_the_weights(seed):
    rng = np.random.default_rng(seed)
    norm = nir.Conv2d(None, 2.0 ** rng.integers(-2, 2, (2, 1, 1, 1)), 1, 0, 1, 2, rng.integers(-4, 8, 2) / 16)
    nodes = {"in": source(2, 7, 7), "norm": norm, "a": conv(3, 2), "if": neurons(), "out": sink()}
    before, after = folded(chain(**nodes))
    assert_same_run(before, after, raster(before, seed))


@given(seed=st.integers(0, 99), size=st.integers(2, 3), average=st.booleans())
def test_with_a_pool_and_a_scale_between(seed, size, average):
    pool = avg_pool(2) if average else sum_pool(size)
    nodes = {"in": source(1, 12, 12), "a": conv(), "pool": pool, "s": scale([0.5, 2.0]), "b": conv(3, 2, 2)}
    before, after = folded(chain(**nodes, **{"if": neurons(), "out": sink()}))
    assert_same_run(before, after, raster(before, seed))


@given(seed=st.integers(0, 99))
def test_one_that_also_feeds_neurons_or_several_layers_stays_for_them(seed):
    nodes = {"in": source(), "a": conv(), "if": neurons(), "b": conv(2, 2), "ifb": neurons(), "c": conv(3, 2)}
    nodes |= {"ifc": neurons(), "o": sink(), "p": sink(), "q": sink()}
    drawn = graph(nodes, "in -> a -> if -> o", "a -> b -> ifb -> p", "a -> c -> ifc -> q")
    before = read(drawn, "torch")
    after = normalise(before)
    assert {n.name for n in after.nodes if isinstance(n, (Conv, IF))} == {"a", "b", "c", "if", "ifb", "ifc"}
    assert_same_run(before, after, raster(before, seed))


def test_one_that_is_not_alone_in_front_of_the_second_stays():
    nodes = {"in": source(), "a": conv(), "b": conv(), "c": conv(3, 2), "if": neurons(), "out": sink()}
    network = read(graph(nodes, "in -> a -> c -> if -> out", "in -> b -> c"), "torch")
    assert fold_affine_maps(network) is network


def padded(bias=0.0):
    return conv(2, 2, padding=1, bias=np.full(2, bias))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (conv(), padded()),  # a window at the rim of the first is no zero
        (conv(kernel=1, bias=np.ones(2)), padded()),  # its bias neither
        (conv(kernel=1, padding=1), padded()),
    ],
)
def test_what_is_no_single_convolution_stays(first, second):
    network = read(chain(**{"in": source(), "a": first, "b": second, "if": neurons(), "out": sink()}), "torch")
    assert fold_affine_maps(network) is network


def test_a_kernel_beyond_all_memory_is_not_made(monkeypatch):
    network = read(chain(**{"in": source(), "a": conv(), "b": conv(3, 2), "if": neurons(), "out": sink()}), "torch")
    module = importlib.import_module(fold_affine_maps.__module__)
    monkeypatch.setattr(module, "MOST_ELEMENTS", 3 * 5 * 5)
    assert len(fold_affine_maps(network).nodes) == len(network.nodes) - 1
    monkeypatch.setattr(module, "MOST_ELEMENTS", 3 * 5 * 5 - 1)
    assert fold_affine_maps(network) is network
    with pytest.raises(CompileError, match="one kernel for both would have 75 elements"):
        normalise(network)
