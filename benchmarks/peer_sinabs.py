"""sinabs' side of speed.py: the modules that its DynapcnnNetwork holds; that class itself cannot do without samna."""

from __future__ import annotations

import sinabs.layers as sl
import torch
from peer import Layer, Network, serve


def build(layers: list[Layer], batch: int) -> Network:
    """Time steps folded into the batch, as everywhere in sinabs."""
    modules: list[torch.nn.Module] = []
    for layer in layers:
        neurons = sl.IAFSqueeze(batch_size=batch, spike_threshold=layer.high, min_v_mem=layer.low)
        modules += [layer.weights, neurons]
        modules += [sl.SumPool2d(layer.pooling)] if layer.pooling > 1 else []
    chain = torch.nn.Sequential(*modules).eval()

    def run(x: torch.Tensor) -> torch.Tensor:
        out = chain(x.transpose(0, 1).flatten(0, 1))
        return out.unflatten(0, (batch, -1)).transpose(0, 1)

    return run


if __name__ == "__main__":
    serve("sinabs", build)
