"""Losses add up to the total, whatever the rungs decide."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from nirdynap.verify.verification import Rung
from nirdynap.verify.waterfall import waterfall_of

NAMES = ("framework", "float", "normalised", "lowered", "clocked", "single", "event", "chip", "silicon")
OUTPUTS = ("one", "two")


def rung(name: str, decisions: dict[str, np.ndarray]) -> Rung:
    return Rung(name=name, about="", layers=(), decisions=decisions, repeats=False)  # type: ignore[arg-type]


@st.composite
def ladders(draw: st.DrawFn) -> tuple[list[Rung], tuple[str, ...], np.ndarray | None]:
    """Rungs, some of which do not know all outputs, and labels where there is one output."""
    samples, outputs = draw(st.integers(1, 6)), OUTPUTS[: draw(st.integers(1, 2))]
    decided = st.lists(st.integers(-1, 2), min_size=samples, max_size=samples).map(np.array)
    rungs = [rung(name, draw(st.fixed_dictionaries(dict.fromkeys(outputs, decided)))) for name in NAMES]
    for index in draw(st.sets(st.sampled_from((0, 8)))):
        rungs[index] = rung(NAMES[index], {})
    labels = np.array(draw(st.lists(st.integers(0, 2), min_size=samples, max_size=samples)))
    return rungs, outputs, labels if len(outputs) == 1 and draw(st.booleans()) else None


@settings(deadline=None)
@given(ladders())
def test_losses_explain_the_total_exactly(case):
    rungs, outputs, labels = case
    fall = waterfall_of(rungs, outputs, labels)
    assert fall.first - sum(loss.lost for loss in fall.losses) + sum(loss.gained for loss in fall.losses) == fall.last
    assert all(loss.lost + loss.gained <= loss.changed <= fall.samples for loss in fall.losses)
    assert [(loss.reference, loss.rung) for loss in fall.losses] == list(zip(fall.rungs, fall.rungs[1:], strict=False))
    deciding = [r for r in rungs if r.decisions]
    assert list(fall.rungs) == [r.name for r in deciding]
    if labels is None:
        assert fall.first == fall.samples
        alike = [deciding[0].decisions[o] == deciding[-1].decisions[o] for o in outputs]
        assert fall.last == np.logical_and.reduce(alike).sum()
    else:
        ends = [int((r.decisions["one"] == labels).sum()) for r in (deciding[0], deciding[-1])]
        assert [fall.first, fall.last] == ends


def test_a_sample_may_be_lost_and_won_again():
    decided = ([0, 0, 2], [0, 1, 1], [0, 0, 1])
    rungs = [rung(name, {"one": np.array(d)}) for name, d in zip(NAMES[1:], decided, strict=False)]
    fall = waterfall_of(rungs, ("one",), np.array([0, 0, 0]))
    assert (fall.first, fall.last) == (2, 2)
    assert [(loss.lost, loss.gained, loss.changed) for loss in fall.losses] == [(1, 0, 2), (0, 1, 1)]
