"""Accuracy of the NIR paper's N-MNIST network on the 50 recorded test samples, clocked and event-driven.

Needs the folder `shared/data/nmnist_speck` beside the project. Prints float, clocked and event accuracy and, for the
recordings that were played to a real Speck 2f, how the first layer compares with the chip.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from workloads import DATA, nmnist_recordings

import nirdynap


def first_layer_against_chip(spec: nirdynap.Spec) -> tuple[float, float, int, int]:
    """Fractions of neurons with equal counts and counts within one, and total spikes: ours, the chip's."""
    data = np.load(DATA / "speck_digits_0_4.npz")
    ours, chip = [], []
    for k in range(5):
        x, y, t, p = data[f"events_{k}"].T
        result = nirdynap.simulate(spec, nirdynap.Events(t=t, c=p, y=y, x=x), "event")
        ours.append(result.counts[spec.cores[0].core][0])
        chip.append(data[f"counts_{k}"].astype(np.int64))
    gap = np.abs(np.array(ours) - np.array(chip))
    return float((gap == 0).mean()), float((gap <= 1).mean()), int(np.sum(ours)), int(np.sum(chip))


def main() -> None:
    """Print the table."""
    if not DATA.is_dir():
        sys.exit(f"reference data not found: expected {DATA}")
    spec = nirdynap.nir_to_dynapcnn(DATA / "cnn_sinabs.nir", "speck2f", convention="sinabs")
    samples, labels = nmnist_recordings(), np.load(DATA / "nmnist_test_000_049.npz")["label"]
    equal, within, ours, chip = first_layer_against_chip(spec)
    print(f"first layer, five recordings played to a real Speck 2f, {5 * 4096} neurons:")
    print(f"  equal counts {equal:.3%}, within one {within:.3%}, spikes {ours} against {chip} ({ours / chip - 1:+.2%})")
    print(f"accuracy on {len(samples)} test recordings:")
    for semantics in ("clocked", "event"):
        begin = time.perf_counter()
        decision = np.asarray(nirdynap.simulate(spec, samples, semantics).decision)
        per_sample = (time.perf_counter() - begin) / len(samples)
        print(f"  {semantics:8} {np.mean(decision == labels):6.1%}   {per_sample * 1000:.0f} ms per recording")


if __name__ == "__main__":
    main()
