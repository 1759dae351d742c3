"""What surrounds the measuring: page, plots, what is counted, peers that are not there. No time is asserted."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import page
import pytest
import rivals
from compare import _same
from costs import work_of
from workloads import arrays_of, back_to_zero, chain, mlp

from nirdynap import Events, simulate

SINABS = rivals.RIVALS[0]
MISSING = "could not be installed: ERROR: No matching distribution found for sinabs"


@pytest.fixture(scope="module")
def found():
    return json.loads(page.RESULTS.read_text(encoding="utf-8"))


def test_the_page_is_that_of_the_results(found):
    assert (page.DOCS / "speed.md").read_text(encoding="utf-8") == page.page(found), "python benchmarks/page.py"


def test_each_plot_that_the_page_shows_is_there(found):
    for line in page.page(found).splitlines():
        if line.startswith("!["):
            assert (page.DOCS / line.rstrip(")").rpartition("(")[2]).is_file()


def test_a_peer_that_is_missing_is_on_the_page_with_the_reason(found):
    without = copy.deepcopy(found)
    without["peers"]["sinabs"] = {"versions": "", "missing": MISSING}
    for work in without["workloads"]:
        work["peers"]["sinabs"] = {"missing": MISSING}
    text = page.page(without)
    assert f"* sinabs: not compared: {MISSING}." in text
    assert f"Not compared: {MISSING}." in text


def test_spikes_that_differ_and_gaps_are_on_the_page(found):
    odd = copy.deepcopy(found)
    odd["workloads"][0]["peers"]["norse"] = {"missing": "broke down: killed (exit code -9)"}
    odd["workloads"][-1]["peers"]["norse"]["same_spikes"] = False
    text = page.page(odd)
    assert "**Other spikes than ours** on MLP at batch 32." in text
    assert "On N-MNIST at batch 1 it is missing: broke down: killed (exit code -9)." in text


def test_plots_are_the_same_bytes_each_time_and_need_no_peer(found, tmp_path: Path):
    plots = pytest.importorskip("plots", reason="matplotlib, of the extra dev")
    drawn = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        plots.draw(found, tmp_path / name)
        drawn.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert drawn[0] == drawn[1]
    assert {name.removesuffix(".svg") for name in drawn[0]} == {
        f"speed-{name}" for name in ("ratios", "steps", "activity", "operations")
    }
    alone = copy.deepcopy(found)
    for work in alone["workloads"]:
        work["peers"] = {name: {"missing": "gone"} for name in work["peers"]}
    plots.draw(alone, tmp_path)


def test_a_peer_that_does_not_start_says_why(tmp_path: Path):
    nowhere = rivals.have(SINABS, {"sinabs": tmp_path / "python"}, install=False)
    assert nowhere.missing == "did not start: No such file or directory"
    without = tmp_path / "no-site"
    without.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n', encoding="utf-8")
    without.chmod(0o755)
    bare = rivals.have(SINABS, {"sinabs": without}, install=False)
    assert bare.missing == "did not start: ModuleNotFoundError: No module named 'sinabs' (exit code 1)"
    assert rivals.have(SINABS, {}, install=False).missing == "not asked for"


def test_what_pip_says_last_is_the_reason(monkeypatch: pytest.MonkeyPatch):
    errors = "Traceback\nERROR: No matching distribution found for sinabs\nCalledProcessError: Command ...\n"
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr=errors)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    assert rivals.have(SINABS, {}, install=True).missing == MISSING


def test_work_is_counted():
    spec = chain([np.ones((2, 1, 3, 3)), np.ones((4, 2, 1, 1))], (1, 6, 6), [(1, 1, 2, 1), (1, 0, 1, 100)])
    events = Events(t=[0, 1000], c=[0, 0], y=[0, 3], x=[0, 3])  # a corner, and an inner pixel
    work = work_of(spec, events, simulate(spec, events, record="all"))
    assert (work.calls, work.steps) == (1, 4)
    assert work.events == 2 + 2 * (4 + 9)  # all that are touched fire once
    assert work.operations == 2 * (4 + 9) + 4 * 2 * (4 + 9)
    assert work.scanned == 2 * (4 + 9) + 4 * (1 + 4)  # the corner's 2x2 pools to a pixel, the 3x3 from 2 to 4 to four


def test_a_workload_becomes_arrays_with_one_recording_after_the_other():
    work = mlp()
    arrays = arrays_of(work.spec, work.recordings[:2], duration_us=work.duration_us())
    assert arrays["raster"].shape == (300, 2, 784, 1, 1)
    assert arrays["raster"].sum() == sum(map(len, work.recordings[:2]))
    assert [arrays[f"weights{k}"].shape for k in range(2)] == [(128, 784, 1, 1), (10, 128, 1, 1)]


def test_equal_counts_and_others_are_told_apart():
    spec = back_to_zero(chain([np.full((1, 1, 1, 1), 5)], (1, 1, 1), [(1, 0, 1, 5)]))
    result = simulate(spec, [[[[1]]], [[[1]]]])
    assert _same(result, [[2]]) == {"spikes": 2, "same_spikes": True}
    assert not _same(result, [[1]])["same_spikes"]
