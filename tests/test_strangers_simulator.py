"""A stranger's package with only the kit finds what is wrong with its own simulator, in a network of one layer."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "strangers_simulator"
COMMAND = (sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "--hypothesis-seed=1")

# What is written there, and what a tired stranger might write: (run that it breaks, right, wrong).
PLANTED = {
    "padding swapped": ("clocked", "((0, 0), (0, 0), (py, py), (px, px))", "((0, 0), (0, 0), (px, px), (py, py))"),
    "no lower bound": ("clocked", "= np.maximum(v, core.threshold_low)\n            spikes", "= v\n            spikes"),
    "never to zero": ("clocked", "np.where(n > 0, 0, v) if core.return_to_zero else v", "v"),
    "tie waits": ("event", "if v >= core.threshold_high", "if v > core.threshold_high"),
    "lower bound ignored": ("event", "= max(v, core.threshold_low)", "= v"),
    "rows and columns swapped": ("event", "c, y, x = address", "c, x, y = address"),
    "a tick before its events": ("event", "tick < t:", "tick <= t:"),
}  # fmt: skip
QUICK = ("padding swapped", "tie waits")


def run(folder, tests):
    command = [*COMMAND, "test_toysim.py", "-k", tests]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def copied(folder):
    return shutil.copytree(EXAMPLE, folder / "toysim", ignore=shutil.ignore_patterns(".*", "__pycache__"))


def test_the_right_simulator_passes(tmp_path):
    done = run(copied(tmp_path), "oracle")
    assert done.returncode == 0, done.stdout
    assert "2 passed, 4 skipped" in done.stdout


@pytest.mark.parametrize("bug", [b if b in QUICK else pytest.param(b, marks=pytest.mark.slow) for b in PLANTED])
def test_a_planted_bug_is_found_and_shrunk_to_one_layer(bug, tmp_path):
    kind, right, wrong = PLANTED[bug]
    folder = copied(tmp_path)
    source = (folder / "toysim.py").read_text(encoding="utf-8")
    assert source.count(right) == 1
    (folder / "toysim.py").write_text(source.replace(right, wrong), encoding="utf-8")
    done = run(folder, f"test_{kind}_run_equals")
    assert done.returncode == 1, done.stdout + done.stderr
    told = re.findall(r"spec of (\d+) layers?, input", done.stdout)
    assert set(told) == {"1"}, done.stdout
    assert re.search(r"the run differs from the oracle's: spikes\[|the simulator raises", done.stdout), done.stdout
