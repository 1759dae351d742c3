"""A verification as `print` shows it."""

from __future__ import annotations

import nir
import numpy as np
import pytest

from nirdynap.verify import Verification, verify


def checked(raster: np.ndarray, **options: object) -> Verification:
    """Scale 127: 0.75 becomes 95 (95.25) and the threshold 286 (285.75): three spikes reach 2.25, but not 286."""
    graph = nir.NIRGraph.from_list(
        nir.Input({"input": np.array([2])}),
        nir.Linear(np.array([[1.0, 0.0], [0.0, 0.75]])),
        nir.IF(np.ones(2), np.full(2, 2.25)),
        nir.Output({"output": np.array([2])}),
    )
    return verify(graph, "speck2f", raster, convention="torch", **options)


BUSY = np.repeat(np.array([0, 1]), 6).reshape(2, 6).T[:, :, None, None]


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_all_there_is_to_see():
    outcome = checked(BUSY, labels=[1])
    text = str(outcome)
    layer = outcome.spec.cores[0].name
    digest = outcome.spec.digest()[:12]
    assert text.splitlines()[0] == f"1 sample of 6 steps of 1000 us on speck2f, convention torch, spec {digest}"
    assert ["spikes", layer, "accuracy", "95", "%"] in rows(text)
    assert ["float", "2", "1.0000", "20.7-100.0", "%"] in rows(text)
    assert ["clocked", "1", "1.0000", "20.7-100.0", "%"] in rows(text)
    assert ["clocked", "with", "lowered", "1/2", "1/1"] in rows(text)
    assert "normalised first differs from float: nowhere" in text
    assert "of 1 samples, decided as labelled  lost  gained  right" in text
    assert ["event", "0", "0", "1"] in rows(text)
    where = f"{layer}, sample 0, step 2, (c, y, x) = (1, 0, 0): 0 spikes instead of 1"
    assert f"clocked first differs from lowered: {where}" in text
    for note in outcome.notes:
        assert f"{note.severity}: {note}" in text.splitlines()


def test_columns_are_aligned():
    lines = str(checked(BUSY, labels=[1])).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("spikes "))
    assert len({len(line) for line in lines[first : first + 8]}) == 1


@pytest.mark.parametrize("labels", [None, [0]])
def test_silence_and_labels_have_columns_where_there_are_any(labels: list[int] | None):
    text = str(checked(BUSY * 0, labels=labels))
    assert ["float", "0", "1", *["0.0000", "0.0-79.3", "%"] * (labels is not None)] in rows(text)
    assert "no output" in text
    assert "no output" not in str(checked(BUSY, labels=labels))
    assert ("accuracy" in text) == (labels is not None)


def test_repr_is_one_line():
    outcome = checked(BUSY, labels=[1])
    assert len(repr(outcome).splitlines()) == 1
    assert "correct: float 1/1" in repr(outcome)
    assert "correct" not in repr(checked(BUSY))
