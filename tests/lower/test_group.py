import numpy as np
import pytest

from by_hand import avg_pool, chain, conv, graph, neurons, scale, sink, source, sum_pool
from nirdynap.frontend import read
from nirdynap.ir.layers import Link, Readout
from nirdynap.lower.group import group
from nirdynap.passes import normalise


def layers_of(drawn, **reading):
    return group(normalise(read(drawn, "torch", **reading)))


def test_a_chain():
    nodes = {"in": source(), "a": conv(padding=1), "if": neurons(0.5), "pool": avg_pool(2), "b": conv(channels=2)}
    first, second = layers_of(chain(**nodes, if2=neurons(), pool2=sum_pool(2), out=sink()), v_min="-threshold")
    assert (first.name, first.origin) == ("a", ("a", "if", "pool"))
    assert (first.input_shape, first.neuron_shape, first.padding) == ((1, 8, 8), (2, 8, 8), (1, 1))
    assert (first.threshold, first.v_min, first.reset, first.tie) == (0.5, -0.5, "subtract", "fires")
    assert first.links == (Link(target=1, pooling=(2, 2), feature_shift=0),)
    assert (first.readouts, first.input_shifts) == ((), (0,))
    assert second.origin == ("b", "pool", "if2", "pool2")
    assert second.readouts == (Readout(pooling=(2, 2), name="out"),)
    assert (second.links, second.input_shifts) == ((), ())
    np.testing.assert_array_equal(first.weights, nodes["a"].weight)
    np.testing.assert_array_equal(second.weights, nodes["b"].weight / 4)
    assert (second.input_shape, second.neuron_shape) == ((2, 4, 4), (2, 2, 2))
    assert (first.bias, first.scale, second.v_min, second.threshold) == (None, None, -1.0, 1.0)


def test_a_hidden_layer_that_is_an_output_too():
    nodes = {
        "in": source(),
        "a": conv(),
        "if": neurons(),
        "b": conv(channels=2),
        "if2": neurons(),
        "o": sink(),
        "p": sink(),
    }
    first, second = layers_of(graph(nodes, "in -> a -> if -> b -> if2 -> o", "if -> p"))
    assert [link.target for link in first.links] == [1]
    assert [readout.name for readout in first.readouts] == ["p"]
    assert [readout.name for readout in second.readouts] == ["o"]


def test_two_ways_to_one_layer_are_two_links():
    nodes = {"in": source(), "a": conv(), "if": neurons(), "one": scale(1.0), "two": scale(2.0)}
    nodes |= {"b": conv(channels=2), "if2": neurons(), "out": sink()}
    edges = ("in -> a -> if -> b -> if2 -> out", "if -> one -> b", "if -> two -> b")
    first, second = layers_of(graph(nodes, *edges))
    assert [(link.target, link.feature_shift) for link in first.links] == [(1, 0), (1, 0), (1, 2)]
    assert {link.pooling for link in first.links} == {(1, 1)}
    assert second.input_shape == (4, 6, 6)


def test_pools_of_several_consumers_and_of_one_that_reads_twice():
    pair = np.array([2, 3])
    nodes = {"in": source(1, 14, 14), "a": conv(stride=2), "if": neurons(), "pool": sum_pool(2), "out": sink()}
    nodes |= {"wide": sum_pool(2, kernel_size=pair, stride=pair), "b": conv(channels=2, kernel=2), "read": sink()}
    edges = ("in -> a -> if -> pool -> b -> if_b -> out", "pool -> read", "if -> wide -> c -> if_c -> out_c")
    nodes |= {"if_b": neurons(), "c": conv(channels=2, kernel=2), "if_c": neurons(), "out_c": sink()}
    first, *others = layers_of(graph(nodes, *edges))
    number = {layer.name: i + 1 for i, layer in enumerate(others)}
    expected = {Link(target=number["b"], pooling=(2, 2), feature_shift=0)}
    expected |= {Link(target=number["c"], pooling=(2, 3), feature_shift=0)}
    assert (set(first.links), len(first.links)) == (expected, 2)
    assert [link.target for link in first.links] == [1, 2]
    assert first.readouts == (Readout(pooling=(2, 2), name="read"),)
    assert (first.stride, first.padding, first.neuron_shape) == ((2, 2), (0, 0), (2, 6, 6))
    assert sorted(first.origin) == ["a", "if", "pool", "wide"]


def test_the_scale_that_the_neurons_ask_for():
    asked = neurons(metadata={"dynapcnn": {"scale": 8.0}})
    (layer,) = layers_of(chain(**{"in": source(), "a": conv(), "if": asked, "out": sink()}))
    assert layer.scale == 8.0


def test_the_input_of_several_layers_and_twice_of_one():
    nodes = {"in": source(), "half": scale(0.5), "a": conv(), "if": neurons(), "b": conv(), "if2": neurons()}
    first, second = layers_of(
        graph({**nodes, "o": sink(), "p": sink()}, "in -> a -> if -> o", "in -> b -> if2 -> p", "in -> half -> b")
    )
    assert sorted([first.input_shifts, second.input_shifts]) == [(0,), (0, 1)]


def test_a_layer_of_a_single_neuron():
    nodes = {"in": source(), "a": conv(1, kernel=8), "if": neurons(0.5), "out": sink()}
    (layer,) = layers_of(chain(**nodes), v_min="-threshold")
    assert (layer.neuron_shape, layer.threshold, layer.v_min) == ((1, 1, 1), 0.5, -0.5)


@pytest.mark.parametrize(("bias", "kept"), [([0.0, 0.0], False), ([0.0, 0.5], True)])
def test_a_bias_of_zeros_costs_no_words(bias, kept):
    (layer,) = layers_of(chain(**{"in": source(), "a": conv(bias=np.array(bias)), "if": neurons(), "out": sink()}))
    assert (layer.bias is not None) == kept
    if kept:
        np.testing.assert_array_equal(layer.bias, bias)
