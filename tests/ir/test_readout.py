"""What the readout block says, worked out by hand."""

import numpy as np
import pytest

from nirdynap.ir.readout import ReadoutOptions, read_out

TICKS = np.array([10, 20, 30])


def said(spikes, ticks=TICKS, classes=3, **options):
    """`spikes`: (time, channel)."""
    t, c = np.array(spikes, dtype=np.int64).reshape(-1, 2).T
    return read_out(ReadoutOptions(**options), np.asarray(ticks), t, c, classes)


def test_spikes_between_ticks_are_counted_and_a_tick_comes_behind_those_of_its_time():
    record = said([(0, 0), (10, 0), (11, 1), (20, 2), (20, 2), (31, 0)], average=1)
    assert record.counts.tolist() == [[2, 0, 0], [0, 1, 2], [0, 0, 0]]
    assert record.averages.tolist() == record.counts.tolist()
    assert record.winners.tolist() == [1, 3, 0]


def test_averages_reach_back_and_are_rounded_down():
    spikes = [(5, 0)] * 31 + [(15, 1)] * 32 + [(25, 0)]
    record = said(spikes, average=16)
    assert record.averages.tolist() == [[1, 0, 0], [1, 2, 0], [2, 2, 0]]
    assert record.winners.tolist() == [1, 2, 1]  # of equal ones the lowest
    ticks = np.arange(1, 41)
    record = said([(1, 0)] * 64, ticks=ticks, average=32, classes=1)
    assert record.averages[:, 0].tolist() == [2] * 32 + [0] * 8


def test_a_class_passes_above_the_threshold():
    record = said([(5, 0)] * 4 + [(5, 1)] * 5 + [(15, 1)] * 4, average=1, threshold=4)
    assert record.passed.tolist() == [[False, True, False], [False, False, False], [False, False, False]]
    assert record.pins.tolist() == [2, 0, 0]
    assert said([(5, 0)] * 4, average=1, threshold=4, always=True).pins.tolist() == [1, 0, 0]


def test_counters_have_16_bits():
    record = said([(5, 0)] * 70_000, average=1)
    assert record.counts[0].tolist() == [65535, 0, 0]


@pytest.mark.parametrize(
    ("options", "low"),
    [
        ({"value": "off"}, 0),
        ({"value": "compare"}, 0b1100),
        ({"value": "selected", "selected": 3}, 5),
        ({"value": "selected"}, 0),
        ({"value": "selected", "selected": 15}, 0),
        ({"value": "max"}, 7),
    ],
)
def test_the_value_has_21_bits(options, low):
    record = said([(1, 1)] * 7 + [(1, 2)] * 5, ticks=[2], average=1, threshold=4, **options)
    assert record.values.tolist() == [1 << 20 | 2 << 16 | low]


def test_without_ticks_nothing_is_said():
    record = said([(1, 1)], ticks=np.zeros(0, dtype=np.int64))
    assert (record.counts.shape, record.values.shape) == ((0, 3), (0,))
