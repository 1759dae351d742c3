"""What the peers' sides of speed.py share. Run by a peer's own Python, which has torch and numpy, but not nirdynap.

The first line out names versions; then each line in, ``{"path": file of a workload, "batch": number of recordings}``,
is answered by one line: seconds of a run, spikes of each output neuron, and the peak of memory so far.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from peak import peak_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One core of a chain: weights, neurons, sum pooling.

    Attributes:
        weights: a Conv2d, or a Linear where the kernel covers the whole input; the chip's integers as floats.
        high: a neuron fires at or above it.
        low: no membrane stays below it.
        pooling: window of the sum pooling; 1 is none.
    """

    weights: torch.nn.Module
    high: float
    low: float
    pooling: int


Network = Callable[[torch.Tensor], torch.Tensor]
"""Counts [time, batch, C, H, W] to spikes [time, batch, ...]."""
WAKING_S = 0.1
"""As in clock.py, for the same reason."""
Build = Callable[[list[Layer], int], Network]
"""The layers of a workload and the size of a batch to the peer's network."""


def over_time(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A module that takes a batch, over all time steps [time, batch, ...] at once."""
    return module(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def layer_by_layer(layers: list[Layer], neurons: list[Callable[[torch.Tensor], torch.Tensor]]) -> Network:
    """All steps of a layer, then the next: convolutions over all steps at once are faster than step by step.

    Args:
        layers: weights and pooling.
        neurons: for each layer, from input [time, batch, ...] to spikes; called once for a recording.
    """
    pools = [torch.nn.AvgPool2d(layer.pooling, divisor_override=1) for layer in layers]

    def run(x: torch.Tensor) -> torch.Tensor:
        for layer, spiking, pool in zip(layers, neurons, pools, strict=True):
            x = spiking(over_time(layer.weights, x))
            x = over_time(pool, x) if layer.pooling > 1 else x
        return x

    return run


def _weights(array: np.ndarray, stride: list[int], padding: list[int], size: tuple[int, ...]) -> torch.nn.Module:
    values = torch.tensor(array).float()
    out, channels, *kernel = values.shape
    module: torch.nn.Module
    if tuple(kernel) == tuple(size[1:]) and not any(padding):
        linear = torch.nn.Linear(values[0].numel(), out, bias=False)
        linear.weight.data = values.flatten(1)
        module = torch.nn.Sequential(torch.nn.Flatten(), linear, torch.nn.Unflatten(1, (out, 1, 1)))
    else:
        module = torch.nn.Conv2d(channels, out, kernel, stride=stride, padding=padding, bias=False)
        module.weight.data = values
    return module.eval()


@functools.lru_cache(maxsize=1)
def _load(path: str) -> tuple[list[Layer], torch.Tensor]:
    """Layers, and counts [time, recording, C, H, W]."""
    arrays = np.load(path)
    layers = []
    for k, size in enumerate(arrays["input_shape"].tolist()):
        stride, padding = arrays["stride"][k].tolist(), arrays["padding"][k].tolist()
        weights = _weights(arrays[f"weights{k}"], stride, padding, tuple(size))
        high, low, pooling = (arrays[name][k].item() for name in ("high", "low", "pooling"))
        layers.append(Layer(weights=weights, high=float(high), low=float(low), pooling=pooling))
    return layers, torch.from_numpy(arrays["raster"]).float()


def _timed(build: Build, layers: list[Layer], counts: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Seconds of one run, and the spikes [batch, ...] of the last layer."""
    network = build(layers, counts.shape[1])
    begin = time.perf_counter()
    with torch.no_grad():
        spikes = network(counts).sum(0)
    return time.perf_counter() - begin, spikes


def serve(package: str, build: Build) -> None:
    """Answer until the input ends."""
    torch.set_num_threads(1)
    versions = {name: importlib.metadata.version(name) for name in (package, "torch")}
    print(json.dumps({"versions": versions, "ready_bytes": peak_bytes()}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        layers, counts = _load(request["path"])
        counts = counts[:, : request["batch"]].contiguous()
        run = functools.partial(_timed, build, layers, counts)
        waking, spikes = run()
        peak = peak_bytes()
        while waking < WAKING_S:
            waking += run()[0]
        answer = {"seconds": run()[0], "spikes": spikes.flatten(1).long().tolist(), "peak_bytes": peak}
        print(json.dumps(answer), flush=True)
