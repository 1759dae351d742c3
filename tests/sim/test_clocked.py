import numpy as np
import pytest

from nirdynap.errors import InputError
from nirdynap.ir.events import Events
from nirdynap.sim import ClockedSimulator
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.conformance import ClockedConformance
from nirdynap.testing.same import assert_same_result


class TestClockedSimulator(ClockedConformance):
    def run_clocked(self, spec, raster, *, saturate, spikes_per_step):
        return ClockedSimulator(spec, saturate=saturate, spikes_per_step=spikes_per_step).run(raster, record="all")


ONE = build_spec(build_core(0, [[[[127]]]], (1, 1, 1), threshold_high=1000))


def counts(*steps):
    return np.array(steps)[:, None, None, None]


def test_a_run_that_is_refused_leaves_the_state_as_it_was():
    simulator = ClockedSimulator(ONE, saturate=False)
    simulator.run(counts(3))
    with pytest.raises(InputError, match="ND510"):
        simulator.run(counts(1, 2**31 - 1))
    assert simulator.run(counts(1)).membranes[0].item() == 4 * 127


def test_a_state_is_kept_for_each_sample():
    simulator = ClockedSimulator(ONE)
    simulator.run(counts(1))
    with pytest.raises(InputError, match=r"ND507.*samples = 2 is not possible; try 1"):
        simulator.run(np.zeros((1, 2, 1, 1, 1)))
    simulator.reset_states()
    assert simulator.run(np.zeros((1, 2, 1, 1, 1))).membranes[0].shape == (2, 1, 1, 1)


@pytest.mark.parametrize(("saturate", "spikes_per_step"), [(1, None), (True, "two")])
def test_bad_options(saturate, spikes_per_step):
    with pytest.raises(InputError, match="ND507"):
        ClockedSimulator(ONE, saturate=saturate, spikes_per_step=spikes_per_step)


def test_bad_record():
    with pytest.raises(InputError, match="ND507"):
        ClockedSimulator(ONE).run(counts(1), record="some")


def test_more_spikes_than_the_first_buffers_hold():
    spec = build_spec(build_core(0, np.ones((64, 1, 3, 3)), (1, 16, 16), padding=(1, 1)))
    raster = np.ones((6, 1, 16, 16), dtype=int)
    assert_same_result(ClockedSimulator(spec).run(raster), oracle.clocked(spec, raster))


def test_large_counts_stay_exact():
    # 2**24 + 1 is where float32 ends.
    spec = build_spec(build_core(0, [[[[1]]]], (1, 1, 1)))
    assert ClockedSimulator(spec, saturate=False).run(counts(2**24 + 1)).raster.item() == 2**24 + 1


def test_a_piece_that_ends_within_a_time_step_has_no_next_one():
    spec = build_spec(build_core(0, [[[[4]]]], (1, 1, 1), threshold_high=10))
    silence = Events(t=[], c=[], y=[], x=[])
    simulator = ClockedSimulator(spec)
    simulator.run(silence, duration_us=2000)
    simulator.run(silence, duration_us=1500)
    with pytest.raises(InputError, match=r"ND507.*duration_us = 1500 is not possible; try a multiple of dt_us = 1000"):
        simulator.run(silence)
    simulator.reset_states()
    simulator.run(silence)
