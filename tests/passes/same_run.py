"""How two networks are told to do the same."""

from __future__ import annotations

import numpy as np

from nirdynap.interpret import interpret
from nirdynap.ir.network import Network

STEPS, BATCH = 5, 2


def raster(network: Network, seed: int) -> np.ndarray:
    """Counts 0..2 [time, batch, c, y, x]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, (STEPS, BATCH, *network.input.input_shape))


def assert_same_run(before: Network, after: Network, counts: np.ndarray) -> None:
    """Equal spikes and outputs; membranes equal in units of each neuron's own threshold, which a pass may rescale."""
    one, two = interpret(before, counts, record="all"), interpret(after, counts, record="all")
    assert one.rasters.keys() == two.rasters.keys()
    for name in one.rasters:
        np.testing.assert_array_equal(one.rasters[name], two.rasters[name], err_msg=name)
        scaled = [run.membranes[name] / run.network.node(name).threshold for run in (one, two)]
        np.testing.assert_array_equal(*scaled, err_msg=name)
        assert one.ties[name] == two.ties[name]
    assert one.outputs.keys() == two.outputs.keys()
    for name, values in one.outputs.items():
        np.testing.assert_array_equal(values.reshape(STEPS, BATCH, -1), two.outputs[name].reshape(STEPS, BATCH, -1))
