"""Who waits for the compiler is told so, once, and who does not is not."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from numba import config, njit

import nirdynap.sim.kernels.compiling as compiling


def run_nothing(x: int) -> int:
    return x + 1


def helper(x: int) -> int:
    return x + 2


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A function of the room of kernels, as it is in a fresh process; its cache is empty at first."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))

    def make(function: Any) -> Any:
        monkeypatch.setattr(function, "__module__", f"{compiling.__package__}.loops")
        return njit(cache=True, nogil=True)(function)

    return make


def test_the_first_of_many_threads_is_told_and_the_next_process_is_not(
    kernel: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, together = kernel(run_nothing), Barrier(4)

    def call(x: int) -> int:
        together.wait()
        return int(first(x))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, range(4))) == [1, 2, 3, 4]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("nirdynap", logging.WARNING)
    assert "compiling the simulator" in record.message
    assert str(tmp_path) in record.message
    caplog.clear()
    assert kernel(run_nothing)(1) == 2  # another dispatcher, which finds the file
    assert caplog.records == []


def test_only_the_entries_are_told_and_only_those_of_the_simulator(
    kernel: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert kernel(helper)(1) == 3
    assert njit(lambda x: x + 3)(1) == 4
    assert caplog.records == []


@pytest.mark.slow
@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_four_threads_and_an_empty_cache(semantics: str, tmp_path: Path) -> None:
    code = f"""
import numpy as np
from nirdynap.sim import simulate
from nirdynap.testing.build import build_core, build_spec
spec = build_spec(build_core(0, [[[[5]]]], (1, 1, 1), threshold_high=10))
print(simulate(spec, np.full((2, 4, 1, 1, 1), 2), {semantics!r}, threads=4).raster.sum())
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for lines in (1, 0):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=300
        )
        assert done.stdout == "8\n"
        assert done.stderr.count("\n") == lines, done.stderr


# --- Numba is a guest -------------------------------------------------------------------------------------------------


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_importing_the_room_does_not_import_numba() -> None:
    done = run_python("import nirdynap.sim, sys; sys.exit('numba' in sys.modules)")
    assert done.returncode == 0, done.stderr


def test_a_missing_numba_is_named_with_its_extra() -> None:
    code = """
import sys
sys.modules["numba"] = None
import numpy as np
from nirdynap.sim import simulate, simulation
from nirdynap.testing.build import build_core, build_spec
simulate(build_spec(build_core(0, [[[[1]]]], (1, 1, 1))), np.zeros((1, 1, 1, 1)))
"""
    done = run_python(code)
    assert "ND901" in done.stderr
    assert "nirdynap[sim]" in done.stderr
