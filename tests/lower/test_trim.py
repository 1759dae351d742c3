"""Trimmed networks have the outputs of the whole ones, and need less."""

from __future__ import annotations

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from float_layers import assert_same_outputs, build_int_layer
from hypothesis import HealthCheck, given, settings

from by_hand import chain, conv, graph, neurons, sink, source
from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.ir.layers import Link, Readout
from nirdynap.lower.trim import trim
from nirdynap.testing.graphs import networks

READING = {"convention": "torch", "reset": "subtract"}

# --- by hand ----------------------------------------------------------------------------------------------------------


def trimmed(*layers, input_channels=1):
    """The layers after trimming, and by name the channels that the notes say are gone."""
    left, notes = trim(layers, input_channels)
    for note in notes:
        assert note.value == len(note.found.split(": ")[1].split(", "))
    return left, {note.place.removeprefix("$.nodes."): note.found.split(": ")[1] for note in notes}


def one_by_one(rows):
    """Weights of 1x1 kernels."""
    return np.array(rows)[:, :, None, None]


def link(target, shift=0):
    return Link(target=target, pooling=(1, 1), feature_shift=shift)


READ = (Readout(pooling=(1, 1), name="out"),)


@pytest.mark.parametrize("bias", [None, -1, 0, 1])
@pytest.mark.parametrize("weight", [-1, 0, 1])
def test_a_channel_can_fire_if_anything_lifts_it(weight, bias):
    biases = None if bias is None else [0, bias, 0]
    a = build_int_layer("a", one_by_one([[1, 1], [weight, -1], [1, 1]]), bias=biases, links=(link(1),))
    _, gone = trimmed(a, build_int_layer("b", one_by_one([[1, 1, 1]]), readouts=READ), input_channels=2)
    assert gone == ({} if weight > 0 or (bias or 0) > 0 else {"a": "1"})


def test_what_is_left_is_as_it_was():
    a = build_int_layer("a", one_by_one([[1], [0], [3], [-4], [5]]), bias=[1, 0, 3, -4, 5], links=(link(1),))
    b = build_int_layer("b", one_by_one([[1, 2, 3, 4, 0], [6, 7, 8, 9, 0]]), bias=[7, 8], readouts=READ)
    (a, b), gone = trimmed(a, b)
    assert gone == {"a": "1, 3, 4"}
    assert (a.neuron_shape, b.input_shape, b.neuron_shape) == ((2, 1, 1), (2, 1, 1), (2, 1, 1))
    assert (a.weights.ravel().tolist(), a.bias.tolist()) == ([1, 3], [1, 3])
    assert (b.weights.tolist(), b.bias.tolist()) == (one_by_one([[1, 3], [6, 8]]).tolist(), [7, 8])
    assert {array.dtype.name for array in (a.weights, b.weights)} == {"int8"}
    assert {array.dtype.name for array in (a.bias, b.bias)} == {"int16"}


def test_whoever_else_arrives_at_a_layer_moves_up():
    """Channels 0 and 1 of c are the input's, 2 to 4 those of a, 5 and 6 those of b."""
    a = build_int_layer("a", one_by_one([[1, 1], [-1, 0], [1, 1]]), links=(link(2, 2),))
    b = build_int_layer("b", one_by_one([[1, 1], [0, -1]]), links=(link(2, 5),))
    c = build_int_layer("c", one_by_one([[1, 2, 3, 4, 5, 6, 7]]), input_shifts=(0,), readouts=READ)
    (a, b, c), gone = trimmed(a, b, c, input_channels=2)
    assert gone == {"a": "1", "b": "1"}
    assert (a.links, b.links, c.input_shifts) == ((link(2, 2),), (link(2, 4),), (0,))
    assert c.weights.ravel().tolist() == [1, 2, 3, 5, 6]


def test_an_input_behind_what_is_left_out_moves_up():
    a = build_int_layer("a", one_by_one([[1], [-1], [-1]]), links=(link(1),))
    b = build_int_layer("b", one_by_one([[1, 2, 3, 4, 5]]), input_shifts=(3, 4), readouts=READ)
    (a, b), gone = trimmed(a, b)
    assert (gone, b.input_shifts, b.weights.ravel().tolist()) == ({"a": "1, 2"}, (1, 2), [1, 4, 5])


@pytest.mark.parametrize(("shift", "gone"), [(0, {"a": "1"}), (1, {}), (2, {"a": "1"})])
def test_where_the_input_arrives_too_a_channel_stays(shift, gone):
    a = build_int_layer("a", one_by_one([[1], [-1], [1]]), links=(link(1),))
    b = build_int_layer("b", one_by_one([[1, 2, 3]]), input_shifts=(shift,), readouts=READ)
    assert trimmed(a, b)[1] == gone


def test_where_it_arrives_is_told_by_the_shift():
    """Channel 1 of a never fires, and arrives where the input does, as channel 3 of b."""
    a = build_int_layer("a", one_by_one([[1], [-1], [1]]), links=(link(1, 2),))
    b = build_int_layer("b", one_by_one([[1, 2, 3, 4, 5]]), input_shifts=(3,), readouts=READ)
    assert trimmed(a, b)[1] == {}


@pytest.mark.parametrize(("shift", "gone"), [(0, {}), (1, {}), (2, {"a": "1"}), (3, {"a": "1"})])
def test_where_another_layer_arrives_too_a_channel_stays(shift, gone):
    """Two channels of b arrive at those of a from `shift` on."""
    a = build_int_layer("a", one_by_one([[1], [-1], [1]]), links=(link(2),))
    b = build_int_layer("b", one_by_one([[1], [1]]), links=(link(2, shift),))
    c = build_int_layer("c", one_by_one([[1, 2, 3, 4, 5]]), readouts=READ)
    assert trimmed(a, b, c)[1] == gone


def test_spikes_have_to_be_unheard_everywhere():
    a = build_int_layer("a", one_by_one([[1], [1], [1]]), links=(link(1, 1), link(2)))
    b = build_int_layer("b", one_by_one([[1, 0, 0, 1]]), input_shifts=(0,), readouts=READ)
    c = build_int_layer("c", one_by_one([[0, 1, 1]]), readouts=(Readout(pooling=(1, 1), name="other"),))
    (_, b, c), gone = trimmed(a, b, c)
    assert gone == {"a": "0"}
    assert (b.weights.ravel().tolist(), c.weights.ravel().tolist()) == ([1, 0, 1], [1, 1])
    assert b.input_shifts == (0,)


def test_a_channel_in_the_same_place_of_another_target_is_no_obstacle():
    """b feeds d, where a's dead channel does not go."""
    a = build_int_layer("a", one_by_one([[1], [-1]]), links=(link(2),))
    b = build_int_layer("b", one_by_one([[1], [1]]), links=(link(3),))
    c = build_int_layer("c", one_by_one([[1, 1]]), readouts=READ)
    d = build_int_layer("d", one_by_one([[1, 1]]), readouts=(Readout(pooling=(1, 1), name="other"),))
    assert trimmed(a, b, c, d)[1] == {"a": "1"}


def test_one_channel_is_always_left():
    a = build_int_layer("a", one_by_one([[-1], [-1]]), links=(link(1),))
    b = build_int_layer("b", one_by_one([[1, 1], [-1, -1]]), readouts=READ)
    (a, b), gone = trimmed(a, b)
    assert (gone, a.neuron_shape[0], b.input_shape[0]) == ({"a": "0"}, 1, 1)


def test_outputs_stay_and_so_does_what_a_decimator_counts():
    a = build_int_layer("a", one_by_one([[1], [1], [-1]]), links=(link(1),), decimator=2)
    b = build_int_layer("b", one_by_one([[1, 0, 1], [-1, 0, -1]]), readouts=READ)
    assert trimmed(a, b)[1] == {"a": "2"}, "what never fires is not counted either"


def test_layers_lose_channels_from_the_last_to_the_first_in_as_many_rounds_as_needed():
    """Without channel 1 of b nobody hears channel 1 of a."""
    a = build_int_layer("a", one_by_one([[1], [1]]), links=(link(1),))
    b = build_int_layer("b", one_by_one([[1, 0], [0, 1]]), links=(link(2),))
    c = build_int_layer("c", one_by_one([[1, 0]]), readouts=READ)
    (a, b, c), gone = trimmed(a, b, c)
    assert gone == {"a": "1", "b": "1"}
    assert {layer.weights.shape for layer in (a, b, c)} == {(1, 1, 1, 1)}


# --- runs -------------------------------------------------------------------------------------------------------------


def words(spec):
    return sum(sum(core.memory) for core in spec.cores)


@st.composite
def with_dead_channels(draw):
    """A drawn graph in which some kernels are not above zero."""
    drawn = draw(networks(max_layers=4, nested=False))
    for node in drawn.nodes.values():
        if isinstance(node, (nir.Conv2d, nir.Linear, nir.Affine)):
            for channel in range(len(node.weight)):
                if draw(st.integers(0, 2)) == 0:
                    node.weight[channel] = -np.abs(node.weight[channel])
    return drawn


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(drawn=with_dead_channels(), seed=st.integers(0, 2**32 - 1))
def test_the_outputs_stay_the_same(drawn, seed):
    whole, trimmed = (nir_to_dynapcnn(drawn, convention="torch", trim=trim) for trim in (False, True))
    assert words(trimmed) <= words(whole)
    raster = np.random.default_rng(seed).poisson(0.7, (4, 2, *whole.input_shape))
    assert_same_outputs(whole, trimmed, raster)


def test_channels_that_never_fire_or_are_not_heard_are_left_out_and_named():
    first, second = np.ones((6, 1, 3, 3)), np.ones((2, 6, 3, 3))
    first[1] = -1
    second[:, 4] = 0
    nodes = {"in": source(), "a": conv(weight=first), "if_a": neurons(), "b": conv(weight=second), "if_b": neurons()}
    drawn = chain(**nodes, out=sink())
    whole, trimmed = (nir_to_dynapcnn(drawn, trim=trim, **READING) for trim in (False, True))
    assert (trimmed.find_core("a").neuron_shape[0], trimmed.find_core("b").input_shape[0]) == (4, 4)
    assert trimmed.find_core("a").scale == whole.find_core("a").scale
    (note,) = (d for d in trimmed.notes if d.code == "ND323")
    assert (note.place, note.value, "1, 4" in note.found) == ("$.nodes.a", 2, True)
    assert_same_outputs(whole, trimmed, np.random.default_rng(0).poisson(0.5, (5, 1, *whole.input_shape)))


def test_where_two_layers_add_up_a_channel_of_one_stays():
    dead = np.ones((2, 1, 3, 3))
    dead[0] = -1
    nodes = {"in": source(), "a": conv(weight=dead), "if_a": neurons(), "b": conv(2, 1), "if_b": neurons()}
    nodes |= {"c": conv(2, 2), "if_c": neurons(), "out": sink()}
    drawn = graph(nodes, "in -> a -> if_a -> c -> if_c -> out", "in -> b -> if_b -> c")
    assert nir_to_dynapcnn(drawn, trim=True, **READING) == nir_to_dynapcnn(drawn, **READING)


def test_a_layer_that_fits_no_core_may_fit_when_trimmed():
    weight = np.ones((128, 64, 3, 3))
    weight[64:] = -1
    nodes = {"in": source(64, 8, 8), "a": conv(weight=weight), "if_a": neurons(), "b": conv(2, 128), "if_b": neurons()}
    drawn = chain(**nodes, out=sink())
    assert not check(drawn, split="never", **READING).fits
    assert check(drawn, split="never", trim=True, **READING).fits
