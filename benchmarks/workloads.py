"""What speed.py runs: networks and recordings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

import nirdynap
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination, Spec
from nirdynap.ir.units import DEFAULT_DT_US
from nirdynap.testing.build import build_core, build_spec

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nmnist_speck"
NMNIST_BATCH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A network and recordings of one length.

    Attributes:
        name: short, for tables.
        about: what it is.
        spec: a chain of cores.
        recordings: as many as the largest batch.
        batches: how many of them are run together.
    """

    name: str
    about: str
    spec: Spec
    recordings: tuple[Events, ...]
    batches: tuple[int, ...] = (1,)

    def duration_us(self, dt_us: int = DEFAULT_DT_US) -> int:
        """All recordings last as long as the longest."""
        return (max(int(r.t.max()) for r in self.recordings) // dt_us + 1) * dt_us


def nmnist_recordings() -> list[Events]:
    """The real test recordings; polarity p is channel p."""
    data = np.load(DATA / "nmnist_test_000_049.npz")
    samples = []
    for first, last in pairwise(data["start"]):
        here = slice(first, last)
        order = np.argsort(data["t"][here], kind="stable")
        t, c, y, x = (data[k][here][order] for k in ("t", "p", "y", "x"))
        samples.append(Events(t=t, c=c, y=y, x=x))
    return samples


def nmnist() -> Workload:
    """The NIR paper's N-MNIST network."""
    return Workload(
        name="N-MNIST",
        about="the NIR paper's network on 2x34x34, real recordings of 300 ms",
        spec=nirdynap.nir_to_dynapcnn(DATA / "cnn_sinabs.nir", "speck2f", convention="sinabs"),
        recordings=tuple(nmnist_recordings()[:NMNIST_BATCH]),
        batches=(1, NMNIST_BATCH),
    )


def chain(weights: Sequence[np.ndarray], shape: tuple[int, int, int], rest: Sequence[tuple[int, ...]]) -> Spec:
    """Cores one behind the other; `rest` holds stride, padding, pooling and threshold of each."""
    cores = []
    for k, (array, (stride, padding, pooling, high)) in enumerate(zip(weights, rest, strict=True)):
        core = build_core(
            k,
            np.clip(np.round(array), -128, 127),
            shape,
            stride=(stride, stride),
            padding=(padding, padding),
            threshold_high=high,
            threshold_low=-high,
            destinations=[Destination(core=k + 1, pooling=pooling)] if k + 1 < len(weights) else [],
        )
        cores.append(dataclasses.replace(core, capacity=core.memory))  # some are larger than any chip's
        shape = (len(array), core.neuron_shape[1] // pooling, core.neuron_shape[2] // pooling)
    return dataclasses.replace(build_spec(*cores), chip="none: its limits are not asked")


def gesture() -> Workload:
    """Six layers on 2x128x128, events around a point that moves in a circle."""
    rng = np.random.default_rng(0)
    sizes = [(16, 2, 5, 5), (16, 16, 3, 3), (32, 16, 3, 3), (32, 32, 3, 3), (128, 32, 8, 8), (11, 128, 1, 1)]
    rest = [(2, 2, 1, 450), (1, 1, 2, 1500), (1, 1, 2, 2000), (1, 1, 2, 3000), (1, 0, 1, 4000), (1, 0, 1, 1500)]
    spec = chain([rng.normal(7, 30, size) for size in sizes], (2, 128, 128), rest)
    n = 100_000
    t = np.sort(rng.integers(0, 1_000_000, n))
    y, x = (np.clip(64 + 30 * f(t / 2e5) + rng.normal(0, 12, n), 0, 127).astype(int) for f in (np.sin, np.cos))
    events = Events(t=t, c=rng.integers(0, 2, n), y=y, x=x)
    about = "six layers on 2x128x128, 100,000 events in a second, made up"
    return Workload(name="gesture", about=about, spec=spec, recordings=(events,))


def mlp() -> Workload:
    """Two dense layers, 784-128-10, one input in seventeen active."""
    rng = np.random.default_rng(3)
    sizes = [(128, 784, 1, 1), (10, 128, 1, 1)]
    spec = chain([rng.normal(2, 30, size) for size in sizes], (784, 1, 1), [(1, 0, 1, 900), (1, 0, 1, 700)])
    batch = 32
    counts = rng.random((batch, 300, 784, 1, 1)) < 0.06
    counts[:, -1, 0] = True  # all of one length
    recordings = tuple(Events.from_raster(one.astype(np.int64)) for one in counts)
    about = "two dense layers, 784-128-10, 300 steps with 6 % of the inputs active, made up"
    return Workload(name="MLP", about=about, spec=spec, recordings=recordings, batches=(1, batch))


def layers_of(depth: int) -> Spec:
    """A chain of equal layers, 16 channels on 16x16, each about as active as the one before."""
    rng = np.random.default_rng(1)
    weights = [rng.normal(6, 30, (16, 16, 3, 3)) for _ in range(depth)]
    return chain(weights, (16, 16, 16), [(1, 1, 1, 860)] * depth)


def noise(activity: float, steps: int = 300) -> Events:
    """At most one spike of each of 16x16x16 inputs in a step, each with probability `activity`."""
    raster = np.random.default_rng(2).random((steps, 16, 16, 16)) < activity
    raster[-1, 0, 0, 0] = True
    return Events.from_raster(raster.astype(np.int64))


def back_to_zero(spec: Spec) -> Spec:
    """The same network of neurons that go to zero when they fire."""
    cores = tuple(dataclasses.replace(core, return_to_zero=True) for core in spec.cores)
    return dataclasses.replace(spec, cores=cores)


def arrays_of(
    spec: Spec, recordings: Sequence[Events], *, duration_us: int, dt_us: int = DEFAULT_DT_US
) -> dict[str, np.ndarray]:
    """A chain of cores and recordings as counts [time, recording, C, H, W], for peer.py."""
    poolings = [core.destinations[0].pooling if core.destinations else 1 for core in spec.cores]
    rasters = [r.to_raster(spec.input_shape, dt_us=dt_us, duration_us=duration_us) for r in recordings]
    return {
        **{f"weights{k}": core.weights for k, core in enumerate(spec.cores)},
        "raster": np.stack(rasters, axis=1).astype(np.uint8),
        "pooling": np.array(poolings),
        **{
            name: np.array([getattr(core, name) for core in spec.cores])
            for name in ("stride", "padding", "input_shape")
        },
        "high": np.array([core.threshold_high for core in spec.cores]),
        "low": np.array([core.threshold_low for core in spec.cores]),
    }
