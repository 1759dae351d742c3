"""What the spike counts of a run already say: copies delivered and dropped, weights touched.

Every spike of a core is copied to each of its destinations and outputs, and every copy that arrives touches the same
weights each time. So deliveries, drops and synaptic operations follow from counts alone, for every simulator alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from nirdynap.ir.digest import Same
from nirdynap.ir.result import CoreStats
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import IntArray, Shape, pool_counts


def arriving(counts: IntArray, pooling: int, feature_shift: int, shape: Shape) -> IntArray:
    """Counts [C, H, W] that reach an input of `shape` when `counts` [c, y, x] are sent there; the rest is dropped."""
    pooled = pool_counts(counts, pooling)[: max(0, shape[0] - feature_shift), : shape[1], : shape[2]]
    channels, height, width = pooled.shape
    arrived = np.zeros(shape, dtype=np.int64)
    arrived[feature_shift : feature_shift + channels, :height, :width] = pooled
    return arrived


def fan_out(core: CoreSpec) -> IntArray:
    """Non-zero weights that a spike touches at each input address, int64 [C, H, W] (docs/semantics.md, Event run)."""
    return _fan_out(Same(core))


@lru_cache(maxsize=64)
def _fan_out(key: Same[CoreSpec]) -> IntArray:
    core = key.value
    (sy, sx), (py, px) = core.stride, core.padding
    _, rows, columns = core.neuron_shape
    nonzero = np.count_nonzero(core.weights, axis=0)
    # On the padded map the tap (ky, kx) of output (oy, ox) lies at (oy * sy + ky, ox * sx + kx).
    padded = np.zeros((core.input_shape[0], core.input_shape[1] + 2 * py, core.input_shape[2] + 2 * px), dtype=np.int64)
    for ky, kx in np.ndindex(nonzero.shape[1:]):
        window = padded[:, ky : ky + (rows - 1) * sy + 1 : sy, kx : kx + (columns - 1) * sx + 1 : sx]
        window += nonzero[:, ky, kx, None, None]
    inside = padded[:, py : py + core.input_shape[1], px : px + core.input_shape[2]]
    inside.setflags(write=False)
    return inside


def core_stats(
    spec: Spec, inputs: IntArray, counts: Mapping[int, IntArray], saturated: Mapping[int, int]
) -> dict[int, CoreStats]:
    """Counters of every core.

    Args:
        spec: what was run.
        inputs: external spikes, int64 [C, H, W], summed over time and samples.
        counts: per core, int64 [batch, c, y, x], spikes summed over time, after decimation.
        saturated: per core, updates whose sum left the int16 range.
    """
    totals = {index: array.sum(axis=0) for index, array in counts.items()}
    arrived = {core.core: np.zeros(core.input_shape, dtype=np.int64) for core in spec.cores}
    dropped = {core.core: 0 for core in spec.cores}
    for port in spec.inputs:
        copies = arriving(inputs, 1, port.feature_shift, spec.core(port.core).input_shape)
        arrived[port.core] += copies
        dropped[port.core] += int(inputs.sum() - copies.sum())
    for core in spec.cores:
        sent = totals[core.core]
        for d in core.destinations:
            copies = arriving(sent, d.pooling, d.feature_shift, spec.core(d.core).input_shape)
            arrived[d.core] += copies
            dropped[core.core] += int(sent.sum() - copies.sum())
    for output in spec.outputs:
        sent = totals[output.core]
        dropped[output.core] += int(sent.sum() - pool_counts(sent, output.pooling).sum())
    return {
        core.core: CoreStats(
            spikes=int(totals[core.core].sum()),
            synaptic_operations=int((arrived[core.core] * fan_out(core)).sum()),
            saturated=int(saturated[core.core]),
            dropped=dropped[core.core],
        )
        for core in spec.cores
    }
