"""The peer's side of speed.py, run by a Python that has sinabs: one line of JSON for each line of input.

The network is the chain of modules that sinabs itself builds from a NIR file: Conv2d, IAFSqueeze, SumPool2d.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time

import numpy as np
import sinabs.layers as sl
import torch


def network(arrays: dict[str, np.ndarray], batch: int) -> torch.nn.Sequential:
    """The layers of a workload, with the chip's integers as floats."""
    modules: list[torch.nn.Module] = []
    for k in range(len(arrays["high"])):
        weights = torch.tensor(arrays[f"weights{k}"]).float()
        out, channels, *kernel = weights.shape
        stride, padding = (tuple(arrays[name][k].tolist()) for name in ("stride", "padding"))
        conv = torch.nn.Conv2d(channels, out, tuple(kernel), stride=stride, padding=padding, bias=False)
        conv.weight.data = weights
        high, low, pooling = (int(arrays[name][k]) for name in ("high", "low", "pooling"))
        modules += [conv, sl.IAFSqueeze(batch_size=batch, spike_threshold=float(high), min_v_mem=float(low))]
        if pooling > 1:
            modules.append(sl.SumPool2d(pooling))
    return torch.nn.Sequential(*modules).eval()


def main() -> None:
    """Answer ``<file of a workload> <batch>`` with seconds per run, output spikes and peak memory."""
    import resource

    torch.set_num_threads(1)
    print(json.dumps({name: importlib.metadata.version(name) for name in ("sinabs", "torch")}), flush=True)
    for line in sys.stdin:
        path, batch = line.split()
        arrays = dict(np.load(path))
        model = network(arrays, int(batch))
        raster = torch.tensor(arrays["raster"]).float().repeat(int(batch), 1, 1, 1)
        begin = time.perf_counter()
        with torch.no_grad():
            spikes = model(raster).sum().item()
        seconds = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "spikes": spikes, "peak_bytes": peak}), flush=True)


if __name__ == "__main__":
    main()
