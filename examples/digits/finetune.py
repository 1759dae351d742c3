"""Trains the chip's integers of the digits: fewer synaptic operations, at the accuracy of the floats.

Run it with the extra "examples" installed; it needs about a minute on one core and no download:

    python examples/digits/finetune.py --output finetuned

It begins with the plain conversion of digits.nir. Each forward pass is the clocked run in the chip's integers, to the
bit; the loss is that of the decisions, and a price for each synaptic operation. It never sees the held-out digits, on
which the event-driven run is then scored. The same machine and library versions give the same integers again.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from train import BATCH, THREADS, digits, recorded

import nirdynap
from nirdynap.ir.spec import Spec

EPOCHS = 24
LEARNING_RATE = 1e-3
PRICE = 2.5e-6  # of a synaptic operation, where a recording has some 400 000 of them
SHARPNESS = 4  # spikes that make a difference to the decision


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of the event-driven run on the held-out digits: how many are right, and synaptic operations of each core."""

    right: int
    operations: dict[int, int]

    @property
    def total(self) -> int:
        """Synaptic operations of all cores."""
        return sum(self.operations.values())


def held_out() -> tuple[list[nirdynap.Events], np.ndarray]:
    """The recordings of the 360 held-out digits, and their labels."""
    data = np.load(Path(__file__).with_name("digits_test.npz"))
    ends = zip(data["start"], data["start"][1:], strict=False)
    recordings = [nirdynap.Events(**{name: data[name][a:b] for name in ("t", "c", "y", "x")}) for a, b in ends]
    return recordings, data["label"]


def score(spec: Spec, recordings: list[nirdynap.Events], labels: np.ndarray) -> Score:
    """How a spec does, event by event."""
    result = nirdynap.simulate(spec, recordings, "event")
    operations = {core: stats.synaptic_operations for core, stats in result.stats.items()}
    return Score(right=int((result.decision == labels).sum()), operations=operations)


def finetune(spec: Spec, epochs: int = EPOCHS) -> Spec:
    """The spec with integers trained on the digits that are not held out."""
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    random = torch.Generator().manual_seed(0)
    seen, _, seen_labels, _ = digits()
    images, labels = torch.tensor(seen), torch.tensor(seen_labels)
    model = nirdynap.trainable(spec)
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    batches = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=batches)
    for _ in range(epochs):
        for batch in torch.randperm(len(images), generator=random).split(BATCH):
            activity = model.activity(recorded(images[batch], random))
            spikes = activity.outputs["output"].sum(0).flatten(1)
            operations = sum(activity.synaptic_operations.values()) / len(batch)
            loss = cross_entropy(spikes / SHARPNESS, labels[batch]) + PRICE * operations
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.to_spec()


def main() -> None:
    """Convert, train, score both, write the trained spec and its graph."""
    parser = argparse.ArgumentParser(description="Trains the chip's integers of the digits example.")
    parser.add_argument("--output", type=Path, required=True, help="folder for finetuned.h5 and finetuned.nir")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"how often each digit is seen (default: {EPOCHS})")
    options = parser.parse_args()
    plain = nirdynap.nir_to_dynapcnn(Path(__file__).with_name("digits.nir"))
    recordings, labels = held_out()
    begin = time.perf_counter()
    trained = finetune(plain, options.epochs)
    print(f"trained for {time.perf_counter() - begin:.0f} s")
    before, after = (score(spec, recordings, labels) for spec in (plain, trained))
    for name, found in (("plain", before), ("trained", after)):
        print(f"{name:8} {found.right} of {len(labels)} right, {found.total / 1e6:6.1f} million synaptic operations")
    print(f"{1 - after.total / before.total:.0%} fewer synaptic operations")
    options.output.mkdir(parents=True, exist_ok=True)
    nirdynap.save(trained, options.output / "finetuned.h5")
    nirdynap.write(nirdynap.dynapcnn_to_nir(trained), options.output / "finetuned.nir")


if __name__ == "__main__":
    main()
