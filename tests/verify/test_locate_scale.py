"""A million events: the same memory as a quarter of them."""

from __future__ import annotations

import dataclasses
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import nirdynap
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Spec
from nirdynap.verify import Ran, locate

MOST = 112 << 20  # bytes at once beside the events themselves; some 70 were measured


@pytest.mark.slow
@pytest.mark.parametrize("semantics", ["event", "clocked"])
@pytest.mark.parametrize("number", [250_000, 1_000_000])
def test_memory_does_not_grow_with_the_recording(shared_data: Path, number: int, semantics: str) -> None:
    spec = nirdynap.nir_to_dynapcnn(shared_data / "nmnist_speck" / "cnn_sinabs.nir", convention="sinabs")
    events = played_again(shared_data, number)
    locate(spec, spec, events[:100])  # compiled
    tracemalloc.start()
    found = locate(Ran(spec, semantics), Ran(late_fault(spec), semantics), events)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None
    assert found.layer == "11"
    assert peak - number * 48 < MOST, f"{peak >> 20} MiB"


def played_again(shared_data: Path, number: int) -> Events:
    """A recorded digit, over and over."""
    with np.load(shared_data / "nmnist_speck" / "speck_digits_0_4.npz") as file:
        x, y, t, c = file["events_0"].T
    times = np.arange(number // len(t) + 1)
    all_t = (times[:, None] * (t[-1] + 1) + t).ravel()[:number]
    c, y, x = (np.tile(array, len(times))[:number] for array in (c, y, x))
    return Events(t=all_t, c=c, y=y, x=x)


def late_fault(spec: Spec) -> Spec:
    """Another lower bound of the last layer, which all layers before have to agree on until the end."""
    cores = (*spec.cores[:-1], dataclasses.replace(spec.cores[-1], threshold_low=-100))
    return dataclasses.replace(spec, cores=cores)
