"""What speed.py runs: a spec and a recording each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import nirdynap
from nirdynap.ir.events import Events
from nirdynap.ir.spec import CoreSpec, Destination, Spec
from nirdynap.testing.build import build_core, build_spec

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nmnist_speck"


def nmnist() -> tuple[Spec, Events]:
    """The NIR paper's N-MNIST network and its first test recording."""
    data = np.load(DATA / "nmnist_test_000_049.npz")
    here = slice(data["start"][0], data["start"][1])
    order = np.argsort(data["t"][here], kind="stable")
    t, c, y, x = (data[k][here][order] for k in ("t", "p", "y", "x"))
    spec = nirdynap.nir_to_dynapcnn(DATA / "cnn_sinabs.nir", "speck2f", convention="sinabs")
    return spec, Events(t=t, c=c, y=y, x=x)


def gesture() -> tuple[Spec, Events]:
    """Six layers on 2x128x128 and 100,000 events in a second, around a point that moves in a circle."""
    rng = np.random.default_rng(0)
    #         out, in, kernel, stride, padding, pooling, threshold
    layers = [
        (16, 2, 5, 2, 2, 1, 450),
        (16, 16, 3, 1, 1, 2, 1500),
        (32, 16, 3, 1, 1, 2, 2000),
        (32, 32, 3, 1, 1, 2, 3000),
        (128, 32, 8, 1, 0, 1, 4000),
        (11, 128, 1, 1, 0, 1, 1500),
    ]
    cores: list[CoreSpec] = []
    shape = (2, 128, 128)
    for k, (out, channels, kernel, stride, padding, pooling, high) in enumerate(layers):
        weights = np.clip(np.round(rng.normal(7, 30, (out, channels, kernel, kernel))), -128, 127)
        core = build_core(
            k,
            weights,
            shape,
            stride=(stride, stride),
            padding=(padding, padding),
            threshold_high=high,
            threshold_low=-high,
            destinations=[Destination(core=k + 1, pooling=pooling)] if k + 1 < len(layers) else [],
        )
        cores.append(core)
        shape = (out, core.neuron_shape[1] // pooling, core.neuron_shape[2] // pooling)
    n = 100_000
    t = np.sort(rng.integers(0, 1_000_000, n))
    y, x = (np.clip(64 + 30 * f(t / 2e5) + rng.normal(0, 12, n), 0, 127).astype(int) for f in (np.sin, np.cos))
    return build_spec(*cores), Events(t=t, c=rng.integers(0, 2, n), y=y, x=x)


def layers_of(depth: int) -> Spec:
    """A chain of equal layers, 16 channels on 16x16, each about as active as the one before."""
    rng = np.random.default_rng(1)
    cores = [
        build_core(
            k,
            np.round(rng.normal(6, 30, (16, 16, 3, 3))).clip(-128, 127),
            (16, 16, 16),
            padding=(1, 1),
            threshold_high=860,
            threshold_low=-860,
            destinations=[Destination(core=k + 1, pooling=1)] if k + 1 < depth else [],
        )
        for k in range(depth)
    ]
    return build_spec(*cores)


def noise(activity: float, steps: int = 300) -> np.ndarray:
    """Counts 0 or 1 [time, 16, 16, 16], each 1 with probability `activity`."""
    return (np.random.default_rng(2).random((steps, 16, 16, 16)) < activity).astype(np.int64)


def arrays_of(spec: Spec, events: Events) -> dict[str, np.ndarray]:
    """A chain of cores and a recording, for peer_sinabs.py."""
    poolings = [core.destinations[0].pooling if core.destinations else 1 for core in spec.cores]
    arrays = {f"weights{k}": core.weights for k, core in enumerate(spec.cores)}
    return {
        **arrays,
        "raster": events.to_raster(spec.input_shape),
        "pooling": np.array(poolings),
        "high": np.array([core.threshold_high for core in spec.cores]),
        "low": np.array([core.threshold_low for core in spec.cores]),
        "stride": np.array([core.stride for core in spec.cores]),
        "padding": np.array([core.padding for core in spec.cores]),
    }
