"""Trimmed networks have the outputs of the whole ones, and need less."""

from __future__ import annotations

import hypothesis.strategies as st
import nir
import numpy as np
from hypothesis import HealthCheck, given, settings

from by_hand import chain, conv, graph, neurons, sink, source
from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.lower.validate import validate
from nirdynap.sim import simulate
from nirdynap.testing.graphs import networks

READING = {"convention": "torch", "reset": "subtract"}


def assert_same_outputs(one, two, raster):
    for options in ({}, {"spikes_per_step": "one"}):
        a, b = (simulate(spec, raster, **options) for spec in (one, two))
        for name, counts in a.output_rasters.items():
            np.testing.assert_array_equal(b.output_rasters[name], counts)
    for order in ("depth", "breadth"):
        for emission in ("raster", "channel"):
            options = {"order": order, "emission": emission, "bias_clock_us": 700}
            a, b = (simulate(spec, raster, "event", **options) for spec in (one, two))
            for name, events in a.output_events.items():
                assert b.output_events[name] == events


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


# --- neurons that nobody reads ----------------------------------------------------------------------------------------


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
