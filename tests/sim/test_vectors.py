"""The vector kernels and their plain twins give the same bits, also where the oracle would take too long."""

import subprocess
import sys
import threading
from unittest import mock

import numpy as np
import pytest

from nirdynap.errors import InputError
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination, InputPort
from nirdynap.sim import ClockedSimulator, EventSimulator, asynchronous, clocked, instruction_set, simulate
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.conformance import ClockedConformance, EventConformance
from nirdynap.testing.same import assert_same_result


def plain():
    """Inside, runs take the plain kernels, as on a machine without vectors."""
    stack = mock.patch.object(clocked, "instruction_set", return_value="plain")
    return stack, mock.patch.object(asynchronous, "instruction_set", return_value="plain")


class TestPlainClocked(ClockedConformance):
    def run_clocked(self, spec, raster, *, saturate, spikes_per_step):
        with plain()[0]:
            return ClockedSimulator(spec, saturate=saturate, spikes_per_step=spikes_per_step).run(raster, record="all")


class TestPlainEvent(EventConformance):
    def run_event(self, spec, recording, *, order, emission, bias_clock_us, duration_us):
        with plain()[1]:
            simulator = EventSimulator(spec, order=order, emission=emission, bias_clock_us=bias_clock_us)
            return simulator.run(recording, record="all", duration_us=duration_us)


# Rows of more than one word of the bit map; 8, 16, 32 and 64 lanes; strides; a dense layer of two vectors; a fork.
LAYERS = [
    {"out": 5, "kernel": (3, 4), "stride": (1, 1), "padding": (1, 2), "pooling": 1, "shift": 0},
    {"out": 13, "kernel": (5, 5), "stride": (2, 2), "padding": (2, 2), "pooling": 2, "shift": 3},
    {"out": 20, "kernel": (3, 3), "stride": (1, 1), "padding": (1, 1), "pooling": 2, "shift": 0},
    {"out": 50, "kernel": (2, 4), "stride": (1, 2), "padding": (0, 0), "pooling": 1, "shift": 0},
    {"out": 40, "kernel": None, "stride": (1, 1), "padding": (0, 0), "pooling": 1, "shift": 0},
    {"out": 10, "kernel": (1, 1), "stride": (1, 1), "padding": (0, 0), "pooling": 1, "shift": 0},
]


def network(seed, *, input_shape=(2, 24, 70), decimator=1, biased=False, low=None, zero=False, mean=6):
    rng = np.random.default_rng(seed)
    cores, shape = [], input_shape
    for k, layer in enumerate(LAYERS):
        ky, kx = layer["kernel"] or shape[1:]
        weights = np.clip(np.round(rng.normal(mean, 30, (layer["out"], shape[0], ky, kx))), -128, 127)
        weights *= rng.random(weights.shape) < 0.8
        forward = Destination(core=k + 1, pooling=layer["pooling"], feature_shift=layer["shift"])
        core = build_core(
            k,
            weights,
            shape,
            stride=layer["stride"],
            padding=layer["padding"],
            threshold_high=int(60 + 15 * np.sqrt(shape[0] * ky * kx)),
            threshold_low=low or -int(rng.integers(50, 400)),
            return_to_zero=zero,
            bias=rng.integers(-9, 30, layer["out"]) if biased and k % 2 else None,
            initial_state=None,
            destinations=() if k == len(LAYERS) - 1 else (forward, forward) if k == 4 else (forward,),
            decimator=decimator if k == 2 else 1,
        )
        cores.append(core)
        channels, height, width = core.neuron_shape
        shape = (channels + layer["shift"], height // layer["pooling"], width // layer["pooling"])
    return build_spec(*cores)


def recording(seed, shape, n=3000, gap=30):
    rng = np.random.default_rng(seed)
    c, y, x = (rng.integers(0, size, n) for size in shape)
    return Events(t=np.cumsum(rng.integers(0, gap, n)), c=c, y=y, x=x)


VARIANTS = [{}, {"decimator": 3}, {"biased": True}, {"zero": True, "low": -32768}, {"mean": 3}]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("options", [{}, {"spikes_per_step": "one"}, {"saturate": False}])
def test_clocked_twins(variant, options):
    spec = network(1, **variant)
    events = recording(2, spec.input_shape)
    fast = simulate(spec, events, record="all", **options)
    with plain()[0]:
        assert_same_result(fast, simulate(spec, events, record="all", **options))
    assert all(stats.spikes for stats in fast.stats.values())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("emission", ["raster", "channel"])
def test_event_twins(variant, emission):
    spec = network(1, **variant)
    events = recording(2, spec.input_shape)
    options = {"emission": emission, "record": "all", "bias_clock_us": 1000}
    fast = simulate(spec, events, "event", **options)
    with plain()[1]:
        assert_same_result(fast, simulate(spec, events, "event", **options))
    assert all(stats.spikes for stats in fast.stats.values())


def branching(seed, *, positive=False):
    """Seven cores of every kind that each send to one or two of the next three, and an input that reaches several."""
    rng = np.random.default_rng(seed)
    cores, last, side = [], 6, 9
    for k in range(last + 1):
        out = int(rng.choice([5, 16, 20]))
        weights = np.clip(np.round(rng.normal(9, 30, (out, 20, 3, 3))), 0 if positive else -128, 127)
        targets = {min(k + 1, last), *rng.integers(k + 1, min(k + 4, last + 1), 1)} if k < last else ()
        poolings = [1, 1, 1, 2]
        others = {
            "threshold_low": -int(rng.integers(20, 300)),
            "return_to_zero": rng.random() < 0.3,
            "bias": rng.integers(-9, 20, out) if k == 2 else None,
            "decimator": 2 if k == 3 else 1,
            "initial_state": rng.integers(-400, 300, (out, side, side)) if k == 4 else None,
        }
        core = build_core(
            k,
            weights * (rng.random(weights.shape) < 0.8),
            (20, side, side),
            padding=(1, 1),
            threshold_high=int(rng.integers(200, 500)) * (10 if positive else 1),
            destinations=rng.permutation(
                [Destination(core=int(t), pooling=int(rng.choice(poolings)), feature_shift=2) for t in sorted(targets)]
            ),
            **({} if positive else others),
        )
        cores.append(core)
    ports = [InputPort(0, 0), InputPort(int(rng.integers(1, last)), 1), InputPort(0, 3)]
    return build_spec(*cores, inputs=ports)


EVENT_OPTIONS = [
    {"order": order, "emission": emission, "record": "all", "bias_clock_us": 1000}
    for order in ("depth", "breadth")
    for emission in ("raster", "channel")
]


@pytest.mark.parametrize("seed", [3, 9, 11, 12, 13])
@pytest.mark.parametrize("options", EVENT_OPTIONS)
def test_event_twins_where_branches_meet(seed, options):
    spec = branching(seed)
    events = recording(seed, spec.input_shape, n=400)
    fast = simulate(spec, events, "event", **options)
    with plain()[1]:
        assert_same_result(fast, simulate(spec, events, "event", **options))
    assert all(stats.spikes for stats in fast.stats.values())


def test_where_branches_meet_positive_weights_give_the_same_totals_in_any_order():
    spec = branching(7, positive=True)
    events = recording(7, spec.input_shape, n=3000)
    first, *others = [simulate(spec, events, "event", **options) for options in EVENT_OPTIONS]
    assert first.stats[6].spikes > 100
    for other in others:
        for core in spec.cores:
            np.testing.assert_array_equal(other.counts[core.core], first.counts[core.core])
            np.testing.assert_array_equal(other.membranes[core.core], first.membranes[core.core])


@pytest.mark.parametrize("high", [100, 32767])
def test_a_neuron_that_starts_below_its_bound_stays_there_until_it_is_touched(high):
    spec = build_spec(
        build_core(
            0, [[[[5]]], [[[0]]]], (1, 1, 2), threshold_high=high, threshold_low=-7, initial_state=[[[-9] * 2]] * 2
        )
    )
    events = Events(t=np.array([3]), c=np.array([0]), y=np.array([0]), x=np.array([1]))
    result = simulate(spec, events, "event", record="all")
    assert result.membranes[0].ravel().tolist() == [-9, -4, -9, -9]
    assert_same_result(result, oracle.event(spec, events, record="all"))


@pytest.mark.parametrize("spikes_per_step", ["one", "many"])
@pytest.mark.parametrize("zero", [False, True])
def test_steps_too_busy_for_16_bits(spikes_per_step, zero):
    # 9 * 127 * 40 leaves int16, then what is left over fires in steps without input.
    spec = build_spec(
        build_core(0, np.full((3, 1, 3, 3), 127), (1, 4, 4), padding=(1, 1), threshold_high=900, return_to_zero=zero)
    )
    raster = np.zeros((9, 1, 4, 4), dtype=int)
    raster[1], raster[3, 0, 0], raster[5] = 40, 1, 2
    for saturate in (True, False):
        options = {"spikes_per_step": spikes_per_step, "saturate": saturate, "record": "all"}
        expected = oracle.clocked(spec, raster, **options)
        assert expected.stats[0].saturated > 0
        assert_same_result(simulate(spec, raster, **options), expected)


def test_event_updates_that_saturate():
    spec = build_spec(
        build_core(0, [[[[127]], [[-128]]]], (2, 1, 1), threshold_high=1, threshold_low=-32768),
        # A neuron that waits above its threshold must not fire where a weight is 0.
        build_core(1, [[[[0]], [[9]]]], (2, 1, 1), threshold_high=2, initial_state=[[[7]]]),
        inputs=[InputPort(0, 0), InputPort(1, 0)],
    )
    n = 900
    events = Events(t=np.arange(n), c=np.repeat([0, 1], n // 2), y=np.zeros(n, int), x=np.zeros(n, int))
    expected = oracle.event(spec, events, record="all")
    assert expected.stats[0].saturated > 0
    assert_same_result(simulate(spec, events, "event", record="all"), expected)


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_long_recordings_cross_the_chunks_of_the_kernels(semantics):
    """Bounded memory: piece by piece, with the state carried over, is the same as at once."""
    spec = network(3)
    events = recording(4, spec.input_shape, n=20_000, gap=300)
    make = ClockedSimulator if semantics == "clocked" else EventSimulator
    whole = make(spec).run(events, duration_us=3_000_000)
    simulator, counts = make(spec), 0
    for start in range(0, 3_000_000, 500_000):
        here = (events.t >= start) & (events.t < start + 500_000)
        piece = Events(t=events.t[here] - start, c=events.c[here], y=events.y[here], x=events.x[here])
        part = simulator.run(piece, duration_us=500_000)
        counts = counts + part.counts[5]
    assert whole.raster.shape[0] == 3000
    np.testing.assert_array_equal(counts, whole.counts[5])
    for core in spec.cores:
        np.testing.assert_array_equal(part.membranes[core.core], whole.membranes[core.core])


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_any_number_of_threads_gives_the_same_result(semantics):
    spec = network(5)
    batch = [recording(seed, spec.input_shape, n=300 * seed + 1) for seed in range(5)]
    one = simulate(spec, batch, semantics, threads=1, record="all")
    told = []
    four = simulate(
        spec, batch, semantics, threads=4, record="all", progress=lambda *n: told.append((*n, threading.get_ident()))
    )
    assert_same_result(four, one)
    assert told == [(n, 5, threading.get_ident()) for n in range(1, 6)]


def test_an_interrupted_batch_leaves_the_state_as_it_was():
    spec = network(5)
    batch = [recording(seed, spec.input_shape, n=200) for seed in range(3)]

    def stop(done, samples):
        raise KeyboardInterrupt

    simulator = ClockedSimulator(spec, threads=2)
    with pytest.raises(KeyboardInterrupt):
        simulator.run(batch, progress=stop)
    assert_same_result(simulator.run(batch), ClockedSimulator(spec).run(batch))


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "all"])
def test_bad_numbers_of_threads(threads):
    spec = network(5)
    for make in (ClockedSimulator, EventSimulator):
        with pytest.raises(InputError, match="ND507"):
            make(spec, threads=threads)
    with pytest.raises(InputError, match="ND507"):
        simulate(spec, recording(0, spec.input_shape, n=1), threads=threads)


def test_the_instruction_set_is_that_of_the_processor_numba_compiles_for():
    assert instruction_set() in ("avx512", "avx2", "plain")
    code = "import nirdynap.sim; print(nirdynap.sim.instruction_set())"
    for features, expected in (("+avx2", "avx2"), ("+sse2", "plain"), ("+avx2,+avx512bw,+avx512vl", "avx512")):
        environment = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features, "PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
