"""Layers without the neurons that nobody reads have the outputs of the whole ones; any other reader keeps them all."""

from __future__ import annotations

import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
from float_layers import assert_same_outputs, build_int_layer
from hypothesis import HealthCheck, given, settings

from by_hand import conv, graph, neurons, sink, source
from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.ir.layers import Link, Readout
from nirdynap.lower.thin import thin
from nirdynap.lower.validate import validate

READING = {"convention": "torch", "reset": "subtract"}
STRIDES = (1, 2, 4, 8)


def link(target, pooling=(1, 1)):
    return Link(target=target, pooling=pooling, feature_shift=0)


def pair(reader=None, **first):
    """A layer of 12x12 neurons, and one of 1x1 kernels in steps of 2 and 4 behind it."""
    weights = np.ones((3, 1, 1, 1))
    a = build_int_layer("a", weights, **({"size": (12, 12), "input_shifts": (0,), "links": (link(1),)} | first))
    steps = {"size": a.neuron_shape[1:], "stride": (2, 4), "readouts": (Readout(pooling=(1, 1), name="out"),)}
    return a, build_int_layer("b", np.ones((2, 3, 1, 1)), **(steps | (reader or {})))


def test_the_layer_in_front_takes_the_stride_and_is_named():
    (a, b), notes = thin(pair(), STRIDES)
    assert (a.stride, a.neuron_shape) == ((2, 4), (3, 6, 3))
    assert (b.stride, b.input_shape, b.neuron_shape) == ((1, 1), (3, 6, 3), (2, 6, 3))
    (note,) = notes
    assert (note.code, note.place, note.value, note.limit) == ("ND326", "$.nodes.a", "6x3", "12x12")


def test_a_stride_of_its_own_is_multiplied():
    (a, b), _ = thin(pair(size=(24, 12), stride=(2, 1)), STRIDES)
    assert (a.stride, a.neuron_shape, b.stride, b.neuron_shape) == ((4, 4), (3, 6, 3), (1, 1), (2, 6, 3))


@pytest.mark.parametrize(
    "layers",
    [
        pair({"padding": (1, 0)}),
        pair({"padding": (0, 1)}),
        pair({"stride": (1, 1)}),
        pair({"input_shifts": (0,)}),
        pair({"stride": (3, 1)}),
        pair({"stride": (1, 3)}),
        pair(stride=(8, 1), size=(96, 12)),
        pair(stride=(1, 4), size=(12, 48)),
        pair(readouts=(Readout(pooling=(1, 1), name="seen"),)),
        pair(decimator=2),
        pair({"size": (6, 12)}, links=(link(1, (2, 1)),)),
        pair({"size": (12, 13)}),
        pair(links=(link(1), link(1, (2, 2)))),
    ],
)
def test_what_is_read_otherwise_or_by_no_stride_is_kept(layers):
    assert thin(layers, STRIDES) == (layers, ())


@pytest.mark.parametrize("kernel", [(1, 2), (2, 1), (2, 2)])
def test_larger_kernels_read_what_lies_between(kernel):
    a, b = pair()
    b = build_int_layer("b", np.ones((2, 3, *kernel)), size=(12, 12), stride=(2, 4), readouts=b.readouts)
    assert thin((a, b), STRIDES) == ((a, b), ())


def test_all_layers_in_front_have_to_agree():
    a, b = pair()
    a = dataclasses.replace(a, links=(link(2),))
    other = dataclasses.replace(a, name="other")
    b = dataclasses.replace(b, name="reader")
    thinned, notes = thin((a, other, b), STRIDES)
    assert [layer.stride for layer in thinned] == [(2, 4), (2, 4), (1, 1)]
    assert [note.place for note in notes] == ["$.nodes.a", "$.nodes.other"]
    seen = dataclasses.replace(other, readouts=(Readout(pooling=(1, 1), name="seen"),))
    assert thin((a, seen, b), STRIDES) == ((a, seen, b), ())


# --- runs -------------------------------------------------------------------------------------------------------------


def picking(size, strides, branch=False):
    """A convolution and neurons, then 1x1 kernels with these strides (y, x); `branch` adds a second source."""
    rng = np.random.default_rng(2)
    names = [f"pick{i}" for i in range(len(strides))]
    nodes = {"in": source(1, *size), "a": conv(3, kernel=3, padding=1), "if_a": neurons()}
    for name, stride in zip(names, strides, strict=True):
        nodes |= {name: conv(weight=rng.normal(0.4, 1, (3, 3, 1, 1)), stride=stride), f"if_{name}": neurons()}
    path = " -> ".join(["in -> a -> if_a", *(f"{name} -> if_{name}" for name in names), "out"])
    if branch:
        nodes |= {"b": conv(3, kernel=5, padding=2), "if_b": neurons()}
    edges = [path, *(["in -> b -> if_b -> pick0"] if branch else [])]
    return graph(nodes | {"out": sink()}, *edges)


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    size=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    strides=st.lists(st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4])), min_size=1, max_size=3),
    branch=st.booleans(),
)
def test_neurons_that_no_stride_reads_change_no_output(size, strides, branch):
    drawn = picking(size, strides, branch)
    whole, thinned = (nir_to_dynapcnn(drawn, **READING, trim=trim) for trim in (False, True))
    assert_same_outputs(whole, thinned, np.random.default_rng(0).poisson(0.6, (4, 2, *whole.input_shape)))
    assert validate(thinned) == ()
    if all(np.prod([pair[axis] for pair in strides]) <= 8 for axis in (0, 1)):
        assert [core.stride for core in thinned.cores[-len(strides) :]] == [(1, 1)] * len(strides)


def test_a_map_of_128_that_is_read_in_steps_fits():
    drawn = picking((128, 128), [(2, 2)])
    report = check(drawn, **READING)
    assert [d.code for d in report.diagnostics if d.severity == "error"] == ["ND316"]
    spec = nir_to_dynapcnn(drawn, **READING, trim=True)
    assert [(core.neuron_shape, core.stride) for core in spec.cores] == [((3, 64, 64), (2, 2)), ((3, 64, 64), (1, 1))]


def test_what_is_read_otherwise_too_is_kept():
    drawn = picking((9, 9), [(2, 2)])
    drawn.nodes["seen"] = sink()
    drawn.edges.append(("if_a", "seen"))
    assert nir_to_dynapcnn(drawn, **READING, trim=True) == nir_to_dynapcnn(drawn, **READING)
    assert nir_to_dynapcnn(picking((9, 9), [(4, 4), (4, 4)]), **READING, trim=True).cores[0].stride == (4, 4)


def test_neurons_that_a_decimator_counts_are_kept():
    drawn, options = picking((9, 9), [(2, 2)]), {**READING, "decimator": {"a": 2}}
    assert nir_to_dynapcnn(drawn, **options, trim=True) == nir_to_dynapcnn(drawn, **options)
