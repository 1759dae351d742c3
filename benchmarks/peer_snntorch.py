"""snnTorch's side of speed.py: one spike in a step, and the threshold is subtracted.

A `Leaky` fires above its threshold, the chip at it: membranes begin at a half, and are whole otherwise. It has no
lower bound either: membranes are handed from step to step, and on the way held above it.
"""

from __future__ import annotations

from collections.abc import Callable

import snntorch
import torch
from peer import Layer, Network, layer_by_layer, serve


def neurons(layer: Layer) -> Callable[[torch.Tensor], torch.Tensor]:
    """The spikes of one layer over a recording."""
    cell = snntorch.Leaky(beta=1.0, threshold=layer.high)

    def run(current: torch.Tensor) -> torch.Tensor:
        membrane, spikes = torch.full_like(current[0], 0.5), []
        for step in current:
            spike, membrane = cell(step, membrane)
            membrane = membrane.clamp_(min=layer.low + 0.5)
            spikes.append(spike)
        return torch.stack(spikes)

    return run


def build(layers: list[Layer], batch: int) -> Network:
    """Layer by layer."""
    return layer_by_layer(layers, [neurons(layer) for layer in layers])


if __name__ == "__main__":
    serve("snntorch", build)
