from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from nirdynap.errors import InputError
from nirdynap.ir.clock import ExternalClock
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination, InputPort, OutputPort
from nirdynap.sim import EventSimulator, asynchronous
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.conformance import EventConformance
from nirdynap.testing.same import assert_same_result


class TestEventSimulator(EventConformance):
    def run_event(self, spec, recording, *, order, emission, bias_clock_us, duration_us):
        simulator = EventSimulator(spec, order=order, emission=emission, bias_clock_us=bias_clock_us)
        return simulator.run(recording, record="all", duration_us=duration_us)


ONE = build_spec(build_core(0, [[[[4]]]], (1, 1, 1), threshold_high=10))


def at(*times):
    zeros = np.zeros(len(times), dtype=int)
    return Events(t=np.array(times, dtype=int), c=zeros, y=zeros, x=zeros)


def test_membranes_live_on_until_reset():
    simulator = EventSimulator(ONE)
    assert [simulator.run(at(0)).membranes[0].item() for _ in range(3)] == [4, 8, 2]
    simulator.reset_states()
    assert simulator.run(at(0)).membranes[0].item() == 4


def test_a_state_is_kept_for_each_sample():
    simulator = EventSimulator(ONE)
    simulator.run([at(0), at()])
    with pytest.raises(InputError, match=r"ND507.*samples = 1 is not possible; try 2"):
        simulator.run(at(0))
    assert simulator.run([at(0), at(0)]).membranes[0].ravel().tolist() == [8, 4]


def findings(spec, **options):
    with pytest.raises(InputError) as caught:
        EventSimulator(spec, **options)
    return [(d.code, d.place, d.found, d.hint) for d in caught.value.diagnostics]


THREADS = "a positive whole number, or None for one for each core of the machine"
CLOCK = "a positive whole number of microseconds, or None"


def test_all_that_is_wrong_with_options_is_said_at_once():
    assert findings(ONE, order="depths", emission=None, bias_clock_us=-5, threads=0) == [
        ("ND507", "$.threads", "threads = '0' is not possible", THREADS),
        ("ND507", "$.order", "order = 'depths' is not possible", "depth, breadth"),
        ("ND507", "$.emission", "emission = 'None' is not possible", "raster, channel"),
        ("ND507", "$.bias_clock_us", "bias_clock_us = '-5' is not possible", CLOCK),
    ]


def biased(*cores):
    """Neurons of their own for the input, those of the cores given with a bias."""
    one = [build_core(k, [[[[4]]]], (1, 1, 1), threshold_high=10, bias=[1] if k in cores else None) for k in (3, 1, 4)]
    return build_spec(*one, inputs=[InputPort(3, 0)])


def test_every_core_whose_biases_have_no_clock_is_named():
    assert [(code, place) for code, place, *_ in findings(biased(3, 4))] == [
        ("ND506", "$.cores.3"),
        ("ND506", "$.cores.4"),
    ]
    EventSimulator(biased())
    EventSimulator(biased(3, 4), bias_clock_us=1000)
    EventSimulator(replace(biased(3, 4), slow_clock=ExternalClock(hz=1000)))


@pytest.mark.parametrize(
    ("clock", "period", "ticks"),
    [(None, None, None), (1000, None, [1000, 2000]), (None, 700, [700, 1400, 2100, 2800]), (1000, 1500, [1500])],
)
def test_the_result_says_when_the_clock_ticked(clock, period, ticks):
    spec = replace(ONE, slow_clock=None if clock is None else ExternalClock(hz=clock))
    result = EventSimulator(spec, bias_clock_us=period).run([at(0), at()], duration_us=2900)
    if ticks is None:
        assert result.ticks is None
    else:
        assert [moments.tolist() for moments in result.ticks] == [ticks, ticks]


@pytest.mark.parametrize("order", ["depth", "breadth"])
def test_more_spikes_than_the_first_buffers_hold(order):
    # One event: 300 spikes of core 0, each copied twice, 600 updates of core 1.
    spec = build_spec(
        build_core(
            0,
            np.ones((300, 1, 1, 1)),
            (1, 1, 1),
            destinations=[Destination(core=1, pooling=1), Destination(core=1, pooling=1, feature_shift=300)],
        ),
        build_core(1, np.ones((1, 600, 1, 1)), (600, 1, 1)),
    )
    result = EventSimulator(spec, order=order).run(at(0, 7), record="all")
    assert len(result.events) == 1200
    assert_same_result(result, oracle.event(spec, at(0, 7), order=order, record="all"))


@pytest.mark.parametrize("order", ["depth", "breadth"])
def test_a_core_that_nothing_reaches_stays_silent(order):
    unreached = build_core(1, [[[[1]]]], (1, 1, 1), threshold_high=9, bias=[2])
    spec = build_spec(build_core(0, [[[[5]]]], (1, 1, 1), threshold_high=5), unreached)
    expected = oracle.event(spec, at(0, 3), order=order, bias_clock_us=1, record="all", duration_us=4)
    result = EventSimulator(spec, order=order, bias_clock_us=1).run(at(0, 3), record="all", duration_us=4)
    assert_same_result(result, expected)
    assert result.membranes[1].item() == 8


def diamond(outputs, **options):
    """Core 0 feeds 1 and 2, which feeds 1 too: the order of arrival is part of the answer."""
    to = [Destination(core=1, pooling=1), Destination(core=2, pooling=1)]
    weights = np.array([[[[3]], [[-2]]], [[[2]], [[4]]]])
    first = build_core(0, np.full((2, 1, 2, 2), 3), (1, 3, 3), padding=(1, 1), threshold_high=2, destinations=to[::-1])
    middle = build_core(2, weights, (2, 4, 4), threshold_high=3, threshold_low=-2, destinations=to[:1], **options)
    last = build_core(1, weights[::-1], (2, 4, 4), threshold_high=2, threshold_low=-1)
    return build_spec(first, middle, last, outputs=outputs)


def storm(n, seed=1):
    rng = np.random.default_rng(seed)
    return Events(t=np.sort(rng.integers(0, 4000, n)), c=np.zeros(n), y=rng.integers(0, 3, n), x=rng.integers(0, 3, n))


@pytest.mark.parametrize("instructions", ["plain", "vectors"])
@pytest.mark.parametrize("order", ["depth", "breadth"])
@pytest.mark.parametrize("emission", ["raster", "channel"])
@pytest.mark.parametrize("record", ["outputs", "all"])
def test_an_output_that_cores_share_keeps_the_order_of_their_spikes(instructions, order, emission, record):
    """With either kernels, and also for cores of which one feeds the other."""
    shared = diamond([OutputPort(1, 1, "out"), OutputPort(2, 1, "out", feature_shift=2)], bias=[1, -1])
    apart = diamond([OutputPort(1, 1, "a"), OutputPort(0, 1, "b")], bias=[0, 2])
    options = {"order": order, "emission": emission, "bias_clock_us": 500}
    batch = [storm(30), storm(5, 2), storm(0)]
    found = asynchronous.instruction_set() if instructions == "vectors" else "plain"
    with mock.patch.object(asynchronous, "instruction_set", return_value=found):
        for spec in (shared, apart):
            result = EventSimulator(spec, **options).run(batch, record=record, duration_us=7500)
            assert_same_result(result, oracle.event(spec, batch, record=record, duration_us=7500, **options))


def test_the_vector_kernels_run_where_there_are_vectors_and_each_output_is_one_core():
    """Both give the same bits, so only the time would tell."""
    shared = [OutputPort(1, 1, "out"), OutputPort(2, 1, "out", feature_shift=2)]
    apart = [OutputPort(1, 1, "a"), OutputPort(2, 1, "b")]
    for outputs, found, expected in ((apart, "avx2", "stream"), (shared, "avx2", "plain"), (apart, "plain", "plain")):
        loaded = []

        def load(name, loaded=loaded):
            loaded.append(name)
            raise InputError([])

        with (
            mock.patch.object(asynchronous, "instruction_set", return_value=found),
            mock.patch.object(asynchronous, "load_kernels", load),
            pytest.raises(InputError),
        ):
            EventSimulator(diamond(outputs), threads=1).run(storm(3))
        assert loaded == [expected]


def test_counts_above_one_are_as_many_events():
    raster = np.array([[3, 0, 1, 2], [2, 0, 1, 1], [1, 0, 1, 0]]).T[:, :, None, None, None]
    lists = [Events.from_raster(raster[:, i], dt_us=500) for i in range(3)]
    expected = oracle.event(ONE, lists, record="all", dt_us=500, duration_us=2000)
    assert_same_result(EventSimulator(ONE).run(raster, record="all", dt_us=500), expected)


def test_bad_record():
    with pytest.raises(InputError, match=r"ND507 .* record = 'some' is not possible; try outputs, all"):
        EventSimulator(ONE).run(at(0), record="some")


def test_membranes_are_what_the_kernels_are_compiled_for():
    with mock.patch.object(asynchronous, "first_state", wraps=asynchronous.first_state) as first:
        EventSimulator(ONE).run([at(0), at()])
    assert first.call_args.args == (ONE, 2, np.int16, None)


def test_what_saturates_is_counted_over_all_samples():
    spec = build_spec(build_core(0, [[[[127]]]], (1, 1, 1), threshold_high=1, initial_state=[[[32700]]]))
    batch = [at(0), at(), at(0, 1)]
    result = EventSimulator(spec).run(batch)
    assert result.stats[0].saturated > 1
    assert_same_result(result, oracle.event(spec, batch))


def test_threads_and_progress_are_passed_on():
    told = []
    EventSimulator(ONE, threads=2).run([at(0)] * 3, progress=lambda *n: told.append(n))
    assert told == [(1, 3), (2, 3), (3, 3)]
    with mock.patch.object(asynchronous, "each_sample", wraps=asynchronous.each_sample) as run:
        EventSimulator(ONE, threads=2).run([at(0)] * 3)
    assert run.call_args.args[1:] == (3, 2, None)
