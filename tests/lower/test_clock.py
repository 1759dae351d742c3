"""The slow clock that is asked for, against what chips can do."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from by_hand import chain, conv, neurons, sink, source
from nirdynap import DvsOptions, ExternalClock, InternalClock
from nirdynap.chips.chip import load_chip
from nirdynap.frontend import read
from nirdynap.lower.camera import in_front
from nirdynap.lower.clock import clock_findings

SPECK = load_chip("speck2f")
UNKNOWN = dataclasses.replace(SPECK, name="imaginary", clock=None)
CAMERA = in_front(read(chain(input=source(2, 8, 8), a=conv(2, 2), f=neurons(), out=sink()), "torch"), DvsOptions())
HZ = "a whole number of ticks per second"


def told(clock: object, dvs: Any = CAMERA, chip: Any = SPECK) -> list[tuple[Any, ...]]:
    return [(d.code, d.place, d.value, d.limit) for d in clock_findings(clock, dvs, chip)]


@pytest.mark.parametrize("hz", [10, 11, 10_000, np.int64(500)])
def test_a_clock_of_the_board(hz: Any) -> None:
    assert told(ExternalClock(hz=hz)) == told(ExternalClock(hz=hz), None) == []


@pytest.mark.parametrize("hz", [0, 9, 10_001, 500.0, True, "500"])
def test_a_clock_of_the_board_that_the_chip_does_not_have(hz: Any) -> None:
    wrong = ("ND332", "$.slow_clock.hz", str(hz), f"{HZ} from 10 to 10000")
    assert told(ExternalClock(hz=hz)) == told(ExternalClock(hz=hz), None) == [wrong]


def test_a_chip_of_whose_clock_nothing_is_known() -> None:
    """Any number of ticks may be sent to it; a clock of its own it may not have."""
    for hz in (1, 9, 10_001):
        assert told(ExternalClock(hz=hz), chip=UNKNOWN) == []
    assert told(ExternalClock(hz=0), chip=UNKNOWN) == [("ND332", "$.slow_clock.hz", "0", HZ)]
    own = ("ND332", "$.slow_clock.divider", "14", "none, for it has no clock of its own")
    assert told(InternalClock(divider=14), chip=UNKNOWN) == [own]


@pytest.mark.parametrize("divider", [14, 17, np.int64(15)])
def test_a_clock_of_the_chip(divider: Any) -> None:
    assert told(InternalClock(divider=divider)) == []
    assert told(InternalClock(divider=divider), None) == [("ND333", "$.slow_clock", None, None)]


@pytest.mark.parametrize("divider", [13, 18, 14.0, "14"])
def test_a_clock_that_the_chip_does_not_make(divider: Any) -> None:
    wrong = ("ND332", "$.slow_clock.divider", str(divider), "14, 15, 16, 17")
    assert told(InternalClock(divider=divider)) == [wrong]
    assert told(InternalClock(divider=divider), None) == [wrong, ("ND333", "$.slow_clock", None, None)]


def test_what_is_no_clock() -> None:
    assert told(None) == []
    limit = "ExternalClock(hz=...), InternalClock(divider=...) or None"
    assert told(500) == told(500, None) == [("ND126", "$.slow_clock", "500", limit)]


@pytest.mark.parametrize(
    ("clock", "found"),
    [
        (ExternalClock(hz=9), "9 is not possible, speck2f can do a whole number of ticks per second from 10 to 10000"),
        (InternalClock(divider=9), "9 is not possible, speck2f can do 14, 15, 16, 17"),
        (9, "slow_clock = '9' is not possible"),
    ],
)
def test_what_is_said(clock: object, found: str) -> None:
    assert [d.found for d in clock_findings(clock, CAMERA, SPECK)] == [found]
