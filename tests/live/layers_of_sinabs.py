"""sinabs' layers and those of nirdynap.nn on the same numbers: spikes, and gradients where both have them.

Run in sinabs' environment, with the library on the path: ``python tests/live/layers_of_sinabs.py sinabs [FILE]``. Each
row of the last table of docs/torch-layers.md that ends in **=** is a function below; what they say is kept in
``results/layers_of_sinabs.json`` or FILE.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sinabs.activation as sa
import sinabs.layers as sl
import torch
from torch import Tensor

from nirdynap.nn import Crop2d, IntegrateAndFire, NeuromorphicReLU, Quantize, SpikingMaxPool2d, SumPool2d

RESULTS = Path(__file__).parent / "results" / "layers_of_sinabs.json"


def both(ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], x: Tensor) -> bool:
    """The same output, and the same gradient for a random pull at it, up to its rounding."""
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    out, expected = ours(a), theirs(b)
    pull = torch.randn_like(out)
    (gradient,) = torch.autograd.grad((out * pull).sum(), a)
    (wanted,) = torch.autograd.grad((expected * pull).sum(), b)
    close = (gradient - wanted).abs().max() <= 1e-4 * (1 + wanted.abs().max())  # sinabs' spikes are float32
    return torch.equal(out, expected.to(out)) and bool(close)


def combinations() -> Iterator[dict[str, Any]]:
    ways = {
        "threshold": (1.0, 0.75),
        "subtract": (None, 0.5, 1.5),
        "v_min": (None, -1.0, -0.5),
        "reset": ("subtract", "zero"),
        "spikes_per_step": ("many", "one"),
        "window": (0.25, 1.0, 2.0),
    }
    for values in itertools.product(*ways.values()):
        chosen = dict(zip(ways, values, strict=True))
        if chosen["reset"] == "subtract" or chosen["subtract"] is None:
            yield chosen


def iaf(how: dict[str, Any]) -> Callable[[Tensor], Tensor]:
    layer = sl.IAF(
        spike_threshold=torch.tensor(how["threshold"], dtype=torch.float64),
        spike_fn=sa.MultiSpike if how["spikes_per_step"] == "many" else sa.SingleSpike,
        reset_fn=sa.MembraneReset() if how["reset"] == "zero" else sa.MembraneSubtract(how["subtract"]),
        surrogate_grad_fn=sa.Heaviside(how["window"]),
        min_v_mem=how["v_min"],
    )
    return lambda x: layer(x.transpose(0, 1)).transpose(0, 1)


def neurons() -> int:
    """How many of the combinations agree; none may not."""
    currents = (
        torch.randn(12, 2, 3, 4, 4).double() + 0.4
    )  # no membrane is exactly at a bound, where slopes are a choice
    tried = [both(IntegrateAndFire(**how).double(), iaf(how), currents) for how in combinations()]
    return len(tried) if all(tried) else 0


def max_pool() -> bool:
    """Outputs only: where several spikes tie, whose gradient it is is a choice."""
    theirs = sl.SpikingMaxPooling2dLayer((2, 3))
    spikes = [(torch.rand(40, 3, 7, 9) < rate).float() for rate in (0.1, 0.4, 0.8)]
    return all(torch.equal(SpikingMaxPool2d((2, 3))(x[:, None])[:, 0], theirs(x)) for x in spikes)


def sum_pool() -> bool:
    return both(SumPool2d(2), sl.SumPool2d(2), torch.randint(0, 9, (5, 3, 6, 8)).float())


def crop() -> bool:
    cropping = ((1, 2), (0, 3))
    return both(Crop2d(cropping), sl.Cropping2dLayer(cropping), torch.randn(5, 2, 8, 9))


def relu() -> bool:
    """What they put out, and what that costs."""
    x = 4 * torch.randn(5, 7)
    pairs = [
        (NeuromorphicReLU(fanout=3), sl.NeuromorphicReLU(fanout=3)),
        (NeuromorphicReLU(fanout=3, rounding="none"), sl.NeuromorphicReLU(quantize=False, fanout=3)),
    ]
    return all(both(ours, theirs, x) and both(cost(ours), cost(theirs), x) for ours, theirs in pairs)


def cost(layer: Any) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        layer(x)
        counted: Tensor = layer.synaptic_operations if isinstance(layer, NeuromorphicReLU) else layer.activity
        return counted

    return run


def quantize() -> bool:
    return both(Quantize(), sl.QuantizeLayer(), 4 * torch.randn(5, 7))


ROWS: dict[str, Callable[[], bool]] = {
    "SpikingMaxPooling2dLayer": max_pool,
    "SumPool2d": sum_pool,
    "Cropping2dLayer": crop,
    "NeuromorphicReLU": relu,
    "QuantizeLayer": quantize,
}


def main(file: Path) -> int:
    torch.manual_seed(0)
    document = {
        "sinabs": importlib.metadata.version("sinabs"),
        "neurons": neurons(),
        "equal": [name for name, row in ROWS.items() if row()],
    }
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(document)
    return 0 if document["neurons"] and len(document["equal"]) == len(ROWS) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[2]) if len(sys.argv) > 2 else RESULTS))
