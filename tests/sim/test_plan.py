"""The flat arrays of the plain kernels, against the definition of a spike and the shapes of the spec."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from one_spike import added, some_spikes, wires

from nirdynap.ir.spec import Destination, InputPort, OutputPort
from nirdynap.sim.plan import State, counts_by_core, first_state, flatten, membranes_by_core, recorded_cores
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.strategies import specs

PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
ANY = specs(square_kernels=False, decimators=True) | specs(dvs=True)


def edges_of(net, spec):
    """Every edge record with where it comes from, 0 for the input, k + 1 for core k; ports first."""
    found = [(0, edge) for edge in net.ports]
    for k, core in enumerate(net.cores):
        found += [(k + 1, edge) for edge in net.edges[core["first_edge"] :][: core["edges"]]]
    return found


@PROPERTY
@given(spec=ANY, seed=st.integers(0, 99))
def test_a_spike_arrives_where_it_should(spec, seed):
    net = flatten(spec, record_all=False)
    drawn = list(wires(spec))
    order = {core.core: k for k, core in enumerate(spec.cores)}
    slots = [(port.core, 1, port.feature_shift) for port in spec.inputs]
    slots += [(d.core, d.pooling, d.feature_shift) for core in spec.cores for d in core.destinations]
    for (source, edge), (core, pooling, shift) in zip(edges_of(net, spec), slots, strict=True):
        found = (source, int(edge["target"]), int(edge["pooling"]), int(edge["shift"]))
        assert found[1:] == (order[core], pooling, shift)
        wire = next(w for w in drawn if (w.source, w.target, w.pooling, w.shift) == found)
        for c, y, x in some_spikes(wire.shape, seed, 20):
            py, px = y // edge["pooling"], x // edge["pooling"]
            heard = c < edge["channels"] and py < edge["height"] and px < edge["width"]
            there = (c + edge["shift"], py, px) if heard else None
            assert there == wire.arrives(spec.cores[edge["target"]], c, y, x)


def test_channels_beyond_those_of_the_target_are_dropped():
    shifted = Destination(core=1, pooling=1, feature_shift=2)
    first = build_core(0, np.ones((5, 1, 1, 1)), (1, 2, 2), destinations=[shifted])
    spec = build_spec(first, build_core(1, np.ones((1, 4, 1, 1)), (4, 2, 2)))
    (edge,) = flatten(spec, record_all=False).edges
    (wire,) = (wire for wire in wires(spec) if wire.source)
    heard = [wire.arrives(spec.cores[1], c, 0, 0) is not None for c in range(5)]
    assert heard == [c < edge["channels"] for c in range(5)] == [True, True, False, False, False]


@PROPERTY
@given(ANY)
def test_the_arrays_hold_every_core_one_behind_the_other(spec):
    net = flatten(spec, record_all=False)
    weights = neurons = features = found = 0
    for core, record in zip(spec.cores, net.cores, strict=True):
        here = {name: int(record[name]) for name in record.dtype.names}
        kernel = (here["kernel_y"], here["kernel_x"])
        assert (weights, neurons, features, found) == tuple(
            here[name] for name in ("weights", "neurons", "features", "found")
        )
        flat = net.weights[weights : weights + core.weights.size]
        own = flat.reshape(core.input_shape[0], *kernel, here["channels"])
        np.testing.assert_array_equal(own.transpose(3, 0, 1, 2), core.weights)
        bias = net.bias[features : features + here["channels"]]
        np.testing.assert_array_equal(bias, 0 if core.bias is None else core.bias)
        assert here["has_bias"] == (core.bias is not None)
        assert (here["channels"], here["height"], here["width"]) == core.neuron_shape
        assert (here["stride_y"], here["stride_x"]) == core.stride
        assert (here["padding_y"], here["padding_x"]) == core.padding
        for name in ("threshold_high", "threshold_low", "return_to_zero", "decimator"):
            assert here[name] == getattr(core, name)
        weights, neurons = weights + core.weights.size, neurons + int(np.prod(core.neuron_shape))
        features, found = features + here["channels"], found + room(core)
    assert (len(net.weights), len(net.bias), net.found_size) == (weights, features, found)
    assert (net.weights.dtype, net.bias.dtype) == (np.int8, np.int64)


def room(core):
    """The most neurons that an event anywhere reaches, were the map endless; those that there are at most."""
    kernel, size = core.weights.shape[2:], core.neuron_shape[1:]
    along = [
        min(n, max(len(range(phase, k, s)) for phase in range(s)))
        for n, k, s in zip(size, kernel, core.stride, strict=True)
    ]
    return core.neuron_shape[0] * along[0] * along[1]


@PROPERTY
@given(spec=ANY, seed=st.integers(0, 99))
def test_the_room_for_spikes_is_enough_for_one_event(spec, seed):
    for core in spec.cores:
        touched = dataclasses.replace(core, weights=np.ones_like(core.weights))
        for at in some_spikes(core.input_shape, seed):
            assert np.count_nonzero(added(touched, at)) <= room(core)


def fork():
    """Core 5 feeds 7 and 2; 7 and 5 are read."""
    to = [Destination(core=7, pooling=1), Destination(core=2, pooling=1)]
    first = build_core(
        5, np.ones((2, 1, 1, 1)), (1, 3, 4), initial_state=np.arange(24).reshape(2, 3, 4), destinations=to
    )
    cores = (first, build_core(7, np.ones((1, 2, 1, 1)), (2, 3, 4)), build_core(2, np.ones((3, 2, 2, 2)), (2, 3, 4)))
    return build_spec(*cores, outputs=[OutputPort(7, 1, "a"), OutputPort(5, 1, "b")])


def test_recorded_are_all_cores_or_those_that_are_read():
    spec = fork()
    for record_all, expected in ((False, [1, 1, 0]), (True, [1, 1, 1])):
        recorded = recorded_cores(spec, record_all=record_all)
        assert recorded.tolist() == expected
        assert recorded.dtype == np.int64
        assert flatten(spec, record_all=record_all).cores["recorded"].tolist() == expected
        assert flatten(spec, record_all=record_all) is flatten(spec, record_all=record_all)


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_a_batch_starts_from_the_first_membranes(dtype):
    spec = fork()
    state = first_state(spec, 3, dtype, None)
    assert state.membranes.dtype == dtype
    assert state.membranes.shape == (3, sum(int(np.prod(core.neuron_shape)) for core in spec.cores))
    assert state.phases.dtype == np.int64
    assert (state.phases.shape, state.phases.any()) == ((3, 3), False)
    for core, membranes in membranes_by_core(spec, state.membranes).items():
        expected = spec.core(core).initial_state
        expected = np.zeros(spec.core(core).neuron_shape) if expected is None else expected
        np.testing.assert_array_equal(membranes, np.stack([expected] * 3))
    # [y, x, out]: the channels of a pixel lie side by side
    assert state.membranes[0, :4].tolist() == [0, 12, 1, 13]


def test_the_next_run_starts_from_a_copy_of_the_last_state():
    last = State(membranes=np.arange(6).reshape(2, 3), phases=np.arange(2).reshape(2, 1))
    state = first_state(fork(), 2, np.int16, last)
    np.testing.assert_array_equal(state.membranes, last.membranes)
    np.testing.assert_array_equal(state.phases, last.phases)
    state.membranes[:] = 9
    state.phases[:] = 9
    assert (last.membranes.max(), last.phases.max()) == (5, 1)


def test_counts_lie_channel_by_channel():
    spec = fork()
    sizes = [int(np.prod(core.neuron_shape)) for core in spec.cores]
    counts = np.arange(2 * sum(sizes)).reshape(2, -1)
    found = counts_by_core(spec, counts)
    assert list(found) == [5, 7, 2]
    for core, first in zip(spec.cores, np.cumsum([0, *sizes]), strict=False):
        flat = counts[:, first : first + int(np.prod(core.neuron_shape))]
        np.testing.assert_array_equal(found[core.core].reshape(2, -1), flat)
        assert found[core.core].shape == (2, *core.neuron_shape)


def test_cores_come_in_topological_order():
    spec = fork()
    with pytest.raises(AssertionError, match="core 5 is out of order"):
        flatten(dataclasses.replace(spec, cores=spec.cores[::-1]), record_all=False)


@pytest.mark.parametrize(("pooling", "ports", "fits"), [(8, 0, True), (8, 1, False), (9, 0, False), (7, 15, True)])
def test_sums_that_int64_might_not_hold_are_not_run(pooling, ports, fits):
    """Weights of 2**25 into each neuron, 64 windows, and counts of 2**31 - 1 are just below 2**62."""
    second = build_core(1, np.full((2, 16, 128, 128), -128), (16, 128, 128))
    first = build_core(0, [[[[1]]]], (1, 8, 8), destinations=[Destination(core=1, pooling=pooling)])
    spec = build_spec(first, second, inputs=[InputPort(0, 0), *[InputPort(1, 0)] * ports])
    if fits:
        flatten(spec, record_all=False)
    else:
        with pytest.raises(AssertionError, match="core 1 is too large for int64"):
            flatten(spec, record_all=False)
