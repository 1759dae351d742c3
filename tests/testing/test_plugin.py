"""A `.nir` file as a test: passes, fails in words, and is renewed on request."""

import json
import shutil
import subprocess
import sys

import nir
import numpy as np
import pytest

from nirdynap.shipped import shipped

pytest_plugins = ("pytester",)

TEST = """
import pytest
@pytest.mark.dynapcnn_equivalence("digits.nir", chip="speck2f")
def test_digits(): ...
"""


@pytest.fixture
def folder(pytester):
    shutil.copy(shipped("digits", "digits.nir"), pytester.path)
    pytester.makepyfile(test_mine=TEST)
    return pytester


def run(pytester, *options):
    return pytester.runpytest_inprocess("-p", "nirdynap.testing.plugin", "--strict-markers", *options)


def with_first_weight(path, change):
    graph = nir.read(path)
    node = next(node for node in graph.nodes.values() if isinstance(node, nir.Conv2d))
    node.weight = change(node.weight)
    nir.write(path, graph)


def test_three_lines_make_a_test(folder):
    first = run(folder)
    first.assert_outcomes(failed=1)
    first.stdout.fnmatch_lines("*ND770 no snapshot, at *test_mine.test_digits.json: *--nirdynap-update*")
    run(folder, "--nirdynap-update").assert_outcomes(passed=1)
    stored = json.loads((folder.path / "test_mine.test_digits.json").read_text())
    assert list(stored["facts"])[:2] == ["$", "$.layers.conv1"]
    assert len(stored["inputs"]) == 2
    run(folder).assert_outcomes(passed=1)
    before = (folder.path / "test_mine.test_digits.json").read_bytes()
    run(folder, "--nirdynap-update").assert_outcomes(passed=1)
    assert (folder.path / "test_mine.test_digits.json").read_bytes() == before


def test_a_change_is_told_by_layer_and_number(folder):
    run(folder, "--nirdynap-update")
    with_first_weight(folder.path / "digits.nir", lambda w: np.where(np.arange(w.size).reshape(w.shape) == 4, 0, w))
    changed = run(folder)
    changed.assert_outcomes(failed=1)
    weights = r"weights: 16x1x3x3 from -?\d+ to \d+, sum -?\d+, digest \w+, was 16x1x3x3 from .*"
    spikes = r"clocked spikes of sample 0 and 1 more: \d+, was \d+; event spikes of sample .*"
    changed.stdout.re_match_lines(
        [
            r"ND773 not as it was, at \$: spec: \w{12}, was \w{12}; try pytest --nirdynap-update, if that was meant",
            rf"ND773 not as it was, at \$.layers.conv1: {weights}; {spikes}",
            r"ND773 not as it was, at \$.layers.conv2: clocked spikes of sample .*",
        ],
        consecutive=True,
    )
    run(folder, "--nirdynap-update").assert_outcomes(passed=1)
    run(folder).assert_outcomes(passed=1)


def test_what_does_not_fit_is_told_as_ever(folder):
    with_first_weight(folder.path / "digits.nir", lambda w: w * np.nan)
    run(folder, "--nirdynap-update").stdout.fnmatch_lines("*ND107 not finite, at $.nodes.conv1: *")


def test_recordings_of_ones_own(folder):
    test = np.load(shipped("digits", "digits_test.npz"))
    start = test["start"][:4]
    np.savez(folder.path / "mine.npz", start=start, **{name: test[name][: start[-1]] for name in ("t", "c", "y", "x")})
    folder.makepyfile(test_mine=TEST.replace('chip="speck2f"', 'inputs="mine.npz"'))
    run(folder, "--nirdynap-update").assert_outcomes(passed=1)
    stored = json.loads((folder.path / "test_mine.test_digits.json").read_text())
    assert stored["facts"]["$.outputs.output"]["event decisions"] == test["label"][:3].tolist()
    run(folder).assert_outcomes(passed=1)


def test_a_silent_network_proves_nothing(folder):
    with_first_weight(folder.path / "digits.nir", lambda w: -np.abs(w))
    run(folder, "--nirdynap-update").stdout.fnmatch_lines("*ND772 silent outputs, at $.inputs: *inputs= with*")


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "other"}', '{"format": "nirdynap-snapshot-1"}'])
def test_a_damaged_snapshot(folder, content):
    (folder.path / "test_mine.test_digits.json").write_text(content)
    run(folder).stdout.fnmatch_lines("*ND771 unreadable snapshot, at *")


def test_the_plugin_imports_next_to_nothing():
    heavy = "{'numpy', 'hypothesis', 'numba', 'nir', 'h5py'}"
    code = f"import pytest, sys; import nirdynap.testing.plugin; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
