"""Options that no run can take are told with what could be meant; a library that is not there with its extra."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from nirdynap.errors import InputError
from nirdynap.sim.options import check_batch, check_choice, check_record, check_threads, instruction_set, load_kernels


def told(findings):
    """Place, what was found and what to do."""
    return [(finding.code, finding.place, finding.found, finding.hint) for finding in findings]


@pytest.mark.parametrize("value", ["a", True, 2])
def test_choices(value):
    assert told(check_choice("way", value, ("a", True, 2))) == []


@pytest.mark.parametrize(
    ("value", "choices", "shown"),
    [
        ("b", ("a", "c"), "b"),
        (1, (True, False), "1"),
        (True, (1, 2), "True"),
        (np.True_, (True,), "True"),
        (None, ("a",), "None"),
        (["a"], ("a",), "['a']"),
    ],
)
def test_what_is_no_choice(value, choices, shown):
    limit = ", ".join(map(str, choices))
    assert told(check_choice("way", value, choices)) == [("ND507", "$.way", f"way = {shown!r} is not possible", limit)]


def test_what_can_be_recorded():
    assert told([*check_record("outputs"), *check_record("all")]) == []
    assert told(check_record("most")) == [("ND507", "$.record", "record = 'most' is not possible", "outputs, all")]
    assert told(check_record(None)) == [("ND507", "$.record", "record = 'None' is not possible", "outputs, all")]


def test_a_batch_keeps_its_size():
    assert told(check_batch(3, 3)) == []
    limit = "2, whose states are kept; reset_states() forgets them"
    assert told(check_batch(3, 2)) == [("ND507", "$.recording", "samples = 3 is not possible", limit)]


@pytest.mark.parametrize("threads", [None, 1, 7, np.int64(2)])
def test_numbers_of_threads(threads):
    assert told(check_threads(threads)) == []


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2", False])
def test_what_is_no_number_of_threads(threads):
    limit = "a positive whole number, or None for one for each core of the machine"
    assert told(check_threads(threads)) == [
        ("ND507", "$.threads", f"threads = {str(threads)!r} is not possible", limit)
    ]


def test_kernels_are_found_by_name():
    assert load_kernels("machine").__name__ == "nirdynap.sim.kernels.machine"
    assert instruction_set() == load_kernels("machine").instruction_set() in ("avx512", "avx2", "plain")
    with pytest.raises(ModuleNotFoundError, match=r"nirdynap\.sim\.kernels\.abacus"):
        load_kernels("abacus")


@pytest.mark.parametrize("ask", [instruction_set, lambda: load_kernels("stream")])
def test_without_numba_its_extra_is_named(monkeypatch, ask):
    monkeypatch.delitem(sys.modules, "nirdynap.sim.kernels.compiling", raising=False)  # as if not imported yet
    monkeypatch.setitem(sys.modules, "numba.core.event", None)
    with pytest.raises(InputError) as caught:
        ask()
    assert told(caught.value.diagnostics) == [
        ("ND901", "$.simulate", "numba is not installed", 'pip install "nirdynap[sim]"')
    ]
    assert caught.value.__suppress_context__, "how Python looked for it is no news"
