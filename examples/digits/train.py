"""Trains the example: handwritten digits, a convolutional spiking network, written as digits.nir.

Run it with the extra "examples" installed; it needs about a minute on two cores and no download:

    python examples/digits/train.py

The network is trained as it will be run: integrate-and-fire neurons that subtract their threshold, bounded below by
minus the threshold, several spikes per step allowed, no biases (so that the event-driven run needs no clock).
The same machine and library versions give the same bytes again.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, pad

from nirdynap.export.nir_writer import write

STEPS = 40
DT_US = 1000
PEAK_RATE = 0.5  # spikes per step of the brightest pixel
TEST_SAMPLES = 360
EPOCHS = 25
BATCH = 32
LEARNING_RATE = 3e-3
GRID = 4096  # weights are multiples of 1 / GRID: every float run, in any precision and order, gives the same spikes
THREADS = 1  # fixed: with another number of threads sums are cut otherwise, and round otherwise


class IntegrateAndFire(torch.autograd.Function):
    """Neurons with threshold 1 over a whole run: current [time, ...] in, spikes [time, ...] out.

    The backward pass takes the reset as a constant: then a current acts on all later membranes alike, and the
    gradient is a sum over the future. The slope of a spike is replaced by a peak at the threshold.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, current: Tensor) -> Tensor:
        v = torch.zeros_like(current[0])
        membranes, spikes = torch.empty_like(current), torch.empty_like(current)
        for step, drive in enumerate(current):
            v = membranes[step] = v + drive
            spikes[step] = v.floor().clamp(min=0)
            v = (v - spikes[step]).clamp(min=-1)
        ctx.save_for_backward(membranes)
        return spikes

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (membranes,) = ctx.saved_tensors
        current = gradient / (1 + 4 * (membranes - 1).abs()).square()
        for step in reversed(range(len(current) - 1)):
            current[step] += current[step + 1]
        return current


class Network(nn.Module):
    """conv - pool - conv - pool - dense, each followed by neurons (before the pool)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.dense = nn.Linear(32 * 2 * 2, 10, bias=False)

    def forward(self, raster: Tensor) -> Tensor:
        """Output spikes [time, batch, 10] of an input raster [time, batch, 1, 8, 8]."""
        time_and_batch = raster.shape[:2]

        def neurons(current: Tensor) -> Tensor:
            return IntegrateAndFire.apply(current.unflatten(0, time_and_batch)).flatten(0, 1)

        x = neurons(self.conv1(raster.flatten(0, 1)))
        x = neurons(self.conv2(sum_pool(x)))
        x = neurons(self.dense(sum_pool(x).flatten(1)))
        return x.unflatten(0, time_and_batch)


def sum_pool(x: Tensor) -> Tensor:
    """Sums over 2x2 windows; divided by one, so exact."""
    return avg_pool2d(x, 2, divisor_override=1)


def recorded(images: Tensor, random: torch.Generator) -> Tensor:
    """Spikes [time, batch, 1, 8, 8] of rates [batch, 1, 8, 8]: new ones each time, about a third moved by a pixel."""
    down, right = torch.randint(-1, 2, (2,), generator=random).tolist()
    moved = pad(images, (1, 1, 1, 1)).roll((down, right), (2, 3))[:, :, 1:-1, 1:-1]
    chosen = torch.rand(len(images), 1, 1, 1, generator=random) < 0.3
    rates = torch.where(chosen, moved, images)
    return (torch.rand((STEPS, *rates.shape), generator=random) < rates).float()


def train(images: Tensor, labels: Tensor) -> Network:
    """A trained network; `images` are rates [n, 1, 8, 8] per step."""
    random = torch.Generator().manual_seed(0)
    torch.manual_seed(0)  # initial weights
    network = Network()
    batches = -(-len(images) // BATCH)
    optimiser = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=EPOCHS * batches)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images), generator=random).split(BATCH):
            loss = cross_entropy(network(recorded(images[batch], random)).sum(0) / 2, labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_((weights * GRID).round() / GRID)
    return network


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rates [n, 1, 8, 8] of the digits to train with and of those held out, then the labels of both."""
    images, labels = load_digits(return_X_y=True)
    rates = (images / images.max() * PEAK_RATE).reshape(-1, 1, 8, 8).astype(np.float32)
    seen, held_out, seen_labels, held_out_labels = train_test_split(
        rates, labels, test_size=TEST_SAMPLES, random_state=0, stratify=labels
    )
    return seen, held_out, seen_labels, held_out_labels


def to_nir(network: Network) -> nir.NIRGraph:
    """The network as a graph whose nodes say themselves what NIR leaves open."""
    habits = {"dynapcnn": {"reset": "subtract", "tie": "fires", "v_min": "-threshold", "spikes_per_step": "many"}}
    order = {"dynapcnn": {"flatten": "chw"}}
    two, none = np.array([2, 2]), np.array([0, 0])

    def weights(layer: nn.Module) -> np.ndarray:
        return layer.weight.detach().numpy()

    def neurons(*shape: int) -> nir.IF:
        return nir.IF(r=np.ones(shape), v_threshold=np.ones(shape), metadata=habits)

    nodes = {
        "input": nir.Input({"input": np.array([1, 8, 8])}),
        "conv1": nir.Conv2d((8, 8), weights(network.conv1), 1, 1, 1, 1, np.zeros(16)),
        "spike1": neurons(16, 8, 8),
        "pool1": nir.SumPool2d(two, two, none),
        "conv2": nir.Conv2d((4, 4), weights(network.conv2), 1, 1, 1, 1, np.zeros(32)),
        "spike2": neurons(32, 4, 4),
        "pool2": nir.SumPool2d(two, two, none),
        "flatten": nir.Flatten({"input": np.array([32, 2, 2])}, start_dim=0, metadata=order),
        "dense": nir.Linear(weights(network.dense)),
        "spike3": neurons(10),
        "output": nir.Output({"output": np.array([10])}),
    }
    return nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False)


def save_recordings(path: Path, raster: np.ndarray, labels: np.ndarray) -> None:
    """Events of each sample of `raster` [time, sample, c, y, x], one behind the other; sample i starts at start[i]."""
    events = [np.argwhere(raster[:, i]) for i in range(raster.shape[1])]
    step, c, y, x = np.concatenate(events).T
    np.savez_compressed(
        path,
        t=step * DT_US,
        c=c.astype(np.int16),
        y=y.astype(np.int16),
        x=x.astype(np.int16),
        start=np.cumsum([0, *map(len, events)]),
        label=labels,
        duration_us=STEPS * DT_US,
        dt_us=DT_US,
    )


def main() -> None:
    """Train, report the accuracy of the float network, write both files."""
    parser = argparse.ArgumentParser(description="Trains the digits example and writes its two files.")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder for the two files")
    folder = parser.parse_args().output
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    seen, held_out, seen_labels, held_out_labels = digits()
    begin = time.perf_counter()
    network = train(torch.tensor(seen), torch.tensor(seen_labels))
    print(f"trained on {len(seen)} digits in {time.perf_counter() - begin:.0f} s")
    raster = np.random.default_rng(0).random((STEPS, *held_out.shape)) < held_out
    with torch.no_grad():
        decisions = network(torch.tensor(raster).float()).sum(0).argmax(1).numpy()
    print(f"{(decisions == held_out_labels).sum()} of {len(held_out)} held-out digits are right")
    write(to_nir(network), folder / "digits.nir")
    save_recordings(folder / "digits_test.npz", raster, held_out_labels)
    print(f"wrote {folder / 'digits.nir'} and {folder / 'digits_test.npz'}")


if __name__ == "__main__":
    main()
