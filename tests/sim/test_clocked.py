from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from nirdynap.errors import InputError
from nirdynap.ir.clock import ExternalClock
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination
from nirdynap.ir.units import INT16_MAX, INT16_MIN
from nirdynap.sim import ClockedSimulator, clocked
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


def test_all_that_is_wrong_with_options_is_said_at_once():
    with pytest.raises(InputError) as caught:
        ClockedSimulator(ONE, saturate=1, spikes_per_step="two", threads=0)
    assert [(d.code, d.place, d.found, d.hint) for d in caught.value.diagnostics] == [
        ("ND507", "$.saturate", "saturate = '1' is not possible", "True, False"),
        ("ND507", "$.spikes_per_step", "spikes_per_step = 'two' is not possible", "None, one, many"),
        (
            "ND507",
            "$.threads",
            "threads = '0' is not possible",
            "a positive whole number, or None for one for each core of the machine",
        ),
    ]


def test_bad_record():
    with pytest.raises(InputError, match=r"ND507 .* record = 'some' is not possible; try outputs, all"):
        ClockedSimulator(ONE).run(counts(1), record="some")


def test_the_steps_of_a_recording_are_limited():
    """A time stamp of the wrong unit is a mistake to be told, not an array beyond all memory."""
    late = Events(t=[2**45], c=[0], y=[0], x=[0])
    with pytest.raises(InputError, match="ND5"):
        ClockedSimulator(ONE).run(late, dt_us=1)


@pytest.mark.parametrize("said", ["one", "many"])
@pytest.mark.parametrize("asked", [None, "one", "many"])
@pytest.mark.parametrize("instructions", ["plain", "vectors"])
@pytest.mark.parametrize("saturate", [True, False])
def test_spikes_per_step_is_what_the_run_says_and_else_what_the_spec_says(said, asked, instructions, saturate):
    core = build_core(0, [[[[7]]], [[[-3]]]], (1, 1, 1), threshold_high=3, threshold_low=-9, bias=[1, 2])
    spec = replace(build_spec(core), spikes_per_step=said)
    raster = np.array([[2, 0, 1, 5, 0], [1, 1, 0, 0, 0]]).T[:, :, None, None, None]
    options = {"spikes_per_step": asked, "saturate": saturate}
    found = clocked.instruction_set() if instructions == "vectors" else "plain"
    with mock.patch.object(clocked, "instruction_set", return_value=found):
        for record in ("outputs", "all"):
            result = ClockedSimulator(spec, **options).run(raster, record=record, dt_us=50)
            assert_same_result(result, oracle.clocked(spec, raster, record=record, dt_us=50, **options))


def test_the_result_says_when_the_clock_ticked():
    assert ClockedSimulator(ONE).run(counts(1, 0)).ticks is None
    ticking = replace(ONE, slow_clock=ExternalClock(hz=500))
    batch = np.zeros((6, 2, 1, 1, 1), dtype=int)
    assert [t.tolist() for t in ClockedSimulator(ticking).run(batch).ticks] == [[2000, 4000, 6000]] * 2
    assert [t.tolist() for t in ClockedSimulator(ticking).run(batch, dt_us=700).ticks] == [[2000, 4000]] * 2


@pytest.mark.parametrize(
    ("start", "saturate", "vectors"),
    [
        ([0, 0], True, True),
        ([INT16_MIN, INT16_MAX], False, True),
        ([INT16_MIN - 1, 0], False, False),
        ([0, INT16_MAX + 1], False, False),
        ([INT16_MAX + 1, INT16_MAX + 2], False, False),
    ],
)
@pytest.mark.parametrize("instructions", ["avx2", "plain"])
def test_the_vector_kernels_run_where_membranes_fit_their_16_bits(start, saturate, vectors, instructions):
    """Both give the same bits where they fit, so only the time would tell."""
    spec = build_spec(build_core(0, [[[[1]]], [[[2]]]], (1, 1, 1), threshold_high=100))
    loaded = []

    def load(name):
        loaded.append(name)
        raise InputError([])

    simulator = ClockedSimulator(spec, saturate=saturate, threads=1)
    simulator._state = clocked.State(membranes=np.array([start], dtype=np.int32), phases=np.zeros((1, 1), dtype=int))
    with (
        mock.patch.object(clocked, "instruction_set", return_value=instructions),
        mock.patch.object(clocked, "load_kernels", load),
        pytest.raises(InputError),
    ):
        simulator.run(counts(1))
    assert loaded == ["steps" if vectors and instructions != "plain" else "plain"]


@pytest.mark.parametrize("saturate", [True, False])
def test_membranes_go_on_in_32_bits_where_they_left_16(saturate):
    spec = build_spec(build_core(0, [[[[127]]]], (1, 1, 1)))
    options = {"saturate": saturate, "spikes_per_step": "one"}
    simulator = ClockedSimulator(spec, **options)
    raster = counts(200, 200, 200, 1)
    whole = [oracle.clocked(spec, raster[: k + 1], **options) for k in range(4)]
    for k in range(4):
        membrane = simulator.run(raster[k : k + 1]).membranes[0]
        assert membrane.dtype == whole[k].membranes[0].dtype == (np.int16 if saturate else np.int32)
        assert membrane.item() == whole[k].membranes[0].item()
    assert (membrane.item() > INT16_MAX) == (not saturate)


def test_membranes_are_what_the_kernels_are_compiled_for():
    with mock.patch.object(clocked, "first_state", wraps=clocked.first_state) as first:
        ClockedSimulator(ONE).run(counts(1))
    assert first.call_args.args == (ONE, 1, np.int32, None)


def test_what_saturates_is_counted_over_all_samples():
    spec = build_spec(build_core(0, [[[[-127]]]], (1, 1, 1)))
    batch = np.array([[300, 0, 600], [1, 0, 0]])[:, :, None, None, None]
    result = ClockedSimulator(spec).run(batch)
    assert result.stats[0].saturated > 1
    assert_same_result(result, oracle.clocked(spec, batch))


def test_samples_of_different_length_run_for_as_long_as_the_longest():
    batch = [Events(t=t, c=[0] * len(t), y=[0] * len(t), x=[0] * len(t)) for t in ([10], [5, 4700], [])]
    result = ClockedSimulator(ONE).run(batch)
    assert result.raster.shape == (5, 3, 1, 1, 1)
    for i, recording in enumerate(batch):
        alone = ClockedSimulator(ONE).run(recording)
        np.testing.assert_array_equal(result.membranes[0][i], alone.membranes[0][0])


def test_the_sum_that_leaves_32_bits_is_shown_with_its_core():
    first = build_core(7, [[[[1]]]], (1, 1, 1), destinations=[Destination(core=2, pooling=1)])
    spec = build_spec(first, build_core(2, [[[[127]]]], (1, 1, 1)))
    most = 2**31 - 1
    with pytest.raises(InputError) as caught:
        ClockedSimulator(spec, saturate=False).run(counts(0, most // 127 + 1))
    (found,) = caught.value.diagnostics
    assert (found.code, found.place, found.value, found.limit) == ("ND510", "$.cores.2", (most // 127 + 1) * 127, most)
    assert "core 2" in found.found


def test_threads_and_progress_are_passed_on():
    told = []
    with mock.patch.object(clocked, "each_sample", wraps=clocked.each_sample) as run:
        ClockedSimulator(ONE, threads=2).run(np.zeros((2, 3, 1, 1, 1)), progress=lambda *n: told.append(n))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert run.call_args.args[1:3] == (3, 2)


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


def test_pieces_of_whole_time_steps_follow_each_other():
    """Also of other lengths: the one before may not end within a step of the next."""
    silence = Events(t=[], c=[], y=[], x=[])
    simulator = ClockedSimulator(ONE)
    simulator.run(silence, duration_us=1500, dt_us=500)
    simulator.run(silence, duration_us=300, dt_us=750)
    with pytest.raises(
        InputError, match=r"\$\.duration_us: .* = 300 .* a multiple of dt_us = 200 in each run but the last, or "
    ):
        simulator.run(silence, dt_us=200)
    with pytest.raises(InputError) as caught:
        simulator.run(silence, dt_us=0)
    assert [d.place for d in caught.value.diagnostics] == ["$.dt_us"], "no multiple of nothing is asked for"
    assert simulator.run(counts(1, 2), dt_us=100).raster.shape[0] == 2
    simulator.run(silence)
