import numpy as np
import pytest

from nirdynap.errors import InputError
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination
from nirdynap.sim import EventSimulator
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


@pytest.mark.parametrize("options", [{"order": "depths"}, {"emission": "row"}, {"bias_clock_us": -5}])
def test_bad_options(options):
    with pytest.raises(InputError, match="ND507"):
        EventSimulator(ONE, **options)


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
