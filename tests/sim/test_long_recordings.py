"""A recording that comes piece by piece: its length costs no memory, and nothing is lost between the pieces."""

from __future__ import annotations

import subprocess
import sys

import pytest

STREAM = """
import resource, sys
import numpy as np
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination
from nirdynap.sim import ClockedSimulator, EventSimulator
from nirdynap.testing.build import build_core, build_spec

rng = np.random.default_rng(0)
first = rng.integers(-3, 9, size=(8, 2, 3, 3))
spec = build_spec(
    build_core(0, first, (2, 32, 32), padding=(1, 1), threshold_high=20, destinations=[Destination(core=1, pooling=2)]),
    build_core(1, rng.integers(-3, 9, size=(10, 8, 16, 16)), (8, 16, 16), threshold_high=200),
)

def piece(number, size=50_000):
    rng = np.random.default_rng(number)
    t = np.sort(rng.integers(0, 100_000, size=size))
    c, y, x = (rng.integers(0, n, size=size) for n in (2, 32, 32))
    return Events(t=t, c=c, y=y, x=x)

def largest():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB

simulator = {"clocked": ClockedSimulator, "event": EventSimulator}[sys.argv[1]](spec)
for number in range(60):
    assert simulator.run(piece(number), duration_us=100_000).stats[0].spikes > 10_000
    if number == 5:
        before = largest()
print(largest() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss has another unit elsewhere")
@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_memory_does_not_grow_with_the_number_of_pieces(semantics: str) -> None:
    # Each piece, of 1.6 MB, makes as many spikes again: kept, they would be 100 MB and more.
    done = subprocess.run(
        [sys.executable, "-c", STREAM, semantics], capture_output=True, text=True, check=True, timeout=300
    )
    assert int(done.stdout) < 8 * 1024
