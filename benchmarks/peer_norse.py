"""Norse's side of speed.py: one spike in a step, and back to the start: its `IAFCell` knows no subtraction.

It fires above its threshold, the chip at it: membranes begin at a half, and are whole otherwise. It has no lower bound
either: states are handed from step to step, and on the way held above it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from norse.torch import IAFCell
from norse.torch.functional.iaf import IAFFeedForwardState, IAFParameters
from peer import Layer, Network, layer_by_layer, serve


def neurons(layer: Layer) -> Callable[[torch.Tensor], torch.Tensor]:
    """The spikes of one layer over a recording."""
    start = torch.tensor(0.5)
    cell = IAFCell(IAFParameters(v_th=torch.tensor(layer.high), v_reset=start))

    def run(current: torch.Tensor) -> torch.Tensor:
        state, spikes = IAFFeedForwardState(v=torch.full_like(current[0], 0.5)), []
        for step in current:
            spike, state = cell(step, state)
            state.v.clamp_(min=layer.low + 0.5)
            spikes.append(spike)
        return torch.stack(spikes)

    return run


def build(layers: list[Layer], batch: int) -> Network:
    """Layer by layer."""
    return layer_by_layer(layers, [neurons(layer) for layer in layers])


if __name__ == "__main__":
    serve("norse", build)
