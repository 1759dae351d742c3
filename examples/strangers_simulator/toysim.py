"""A toy simulator of DYNAP-CNN specs, written from nirdynap's docs/semantics.md alone.

Slow, small and complete but for decimators, the DVS layer and breadth-first order. A spec is looked at, never imported.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np

LOWEST, HIGHEST = -(2**15), 2**15 - 1


def fresh(spec, *leading):
    """Membranes of every core at the start of a run, with `leading` axes in front."""
    return {
        core.core: np.zeros((*leading, *core.neuron_shape), dtype=np.int64)
        + (0 if core.initial_state is None else core.initial_state)
        for core in spec.cores
    }


# --- time steps -------------------------------------------------------------------------------------------------------


def clocked(spec, raster, *, saturate=True, spikes_per_step=None):
    """Spikes {core: counts [time, batch, c, y, x]} of a clocked run of counts [time, batch, c, y, x]."""
    batch = raster.shape[1]
    membranes = fresh(spec, batch)
    spikes = defaultdict(list)
    for counts in raster:
        waiting = {core.core: np.zeros((batch, *core.input_shape), dtype=np.int64) for core in spec.cores}
        for port in spec.inputs:
            deliver(counts, 1, port.feature_shift, waiting[port.core])
        for core in spec.cores:
            v = membranes[core.core] + current(core, waiting[core.core])
            if core.bias is not None:
                v += core.bias[:, None, None]
            if saturate:
                v = np.clip(v, LOWEST, HIGHEST)
            n = np.maximum(v, 0) // core.threshold_high
            if (spikes_per_step or spec.spikes_per_step) == "one":
                n = np.minimum(n, 1)
            v = np.where(n > 0, 0, v) if core.return_to_zero else v - n * core.threshold_high
            membranes[core.core] = np.maximum(v, core.threshold_low)
            spikes[core.core].append(n)
            for target in core.destinations:
                deliver(n, target.pooling, target.feature_shift, waiting[target.core])
    return {
        core.core: np.reshape(spikes[core.core], (len(raster), batch, *core.neuron_shape)).astype(np.int64)
        for core in spec.cores
    }


def current(core, counts):
    """What the spikes [batch, c, y, x] of one time step add to each membrane."""
    (sy, sx), (py, px) = core.stride, core.padding
    _, rows, columns = core.neuron_shape
    padded = np.pad(counts, ((0, 0), (0, 0), (py, py), (px, px)))
    weights = core.weights.astype(np.int64)
    total = np.zeros((len(counts), *core.neuron_shape), dtype=np.int64)
    for ky, kx in product(*map(range, weights.shape[2:])):
        seen = padded[:, :, ky : ky + sy * rows : sy, kx : kx + sx * columns : sx][:, :, :rows, :columns]
        total += np.einsum("oc,bcyx->boyx", weights[:, :, ky, kx], seen)
    return total


def deliver(counts, pooling, shift, waiting):
    """Add counts [batch, c, y, x] to what waits at a core: pooled, moved up by `shift` channels, cut to its map."""
    batch, channels, rows, columns = counts.shape
    rows, columns = rows // pooling, columns // pooling
    windows = counts[:, :, : rows * pooling, : columns * pooling]
    pooled = windows.reshape(batch, channels, rows, pooling, columns, pooling).sum(axis=(3, 5))
    room = waiting[:, shift : shift + channels, :rows, :columns]
    room += pooled[:, : room.shape[1], : room.shape[2], : room.shape[3]]


# --- event by event ---------------------------------------------------------------------------------------------------


def event(spec, events, *, emission="raster", bias_clock_us=None, duration_us=None):
    """Spikes {core: [(t, c, y, x), ...]} of an event run of one sample [(t, c, y, x), ...], depth first."""
    membranes = fresh(spec)
    cores = {core.core: core for core in spec.cores}
    spikes = {index: [] for index in cores}
    end = duration_us if duration_us is not None else events[-1][0] if events else 0
    tick = bias_clock_us

    def arrive(core, t, address):
        fired = update(core, membranes[core.core], address, emission)
        spikes[core.core] += [(t, *neuron) for neuron in fired]
        for (c, y, x), target in product(fired, core.destinations):
            pooled = (c + target.feature_shift, y // target.pooling, x // target.pooling)
            whole = all(p < n // target.pooling for p, n in zip(pooled[1:], core.neuron_shape[1:], strict=True))
            if whole and inside(pooled, cores[target.core].input_shape):
                arrive(cores[target.core], t, pooled)

    for t, c, y, x in events:
        while tick is not None and tick < t:
            add_biases(spec, membranes)
            tick += bias_clock_us
        for port in spec.inputs:
            address = (c + port.feature_shift, y, x)
            if inside(address, cores[port.core].input_shape):
                arrive(cores[port.core], t, address)
    while tick is not None and tick <= end:
        add_biases(spec, membranes)
        tick += bias_clock_us
    return spikes


def update(core, membranes, address, emission):
    """The neurons (c, y, x) that one event fires, in the order in which they do."""
    c, y, x = address
    features, rows, columns = core.neuron_shape
    fired = []
    for o, oy, ox in product(range(features), range(rows), range(columns)):
        ky, kx = y + core.padding[0] - oy * core.stride[0], x + core.padding[1] - ox * core.stride[1]
        if not inside((ky, kx), core.weights.shape[2:]) or core.weights[o, c, ky, kx] == 0:
            continue
        v = min(max(int(membranes[o, oy, ox]) + int(core.weights[o, c, ky, kx]), LOWEST), HIGHEST)
        if v >= core.threshold_high:
            fired.append((o, oy, ox))
            v = 0 if core.return_to_zero else v - core.threshold_high
        membranes[o, oy, ox] = max(v, core.threshold_low)
    return fired if emission == "channel" else sorted(fired, key=lambda neuron: (neuron[1], neuron[2], neuron[0]))


def add_biases(spec, membranes):
    """One tick of the bias clock: it moves membranes, and fires no neuron."""
    for core in spec.cores:
        if core.bias is not None:
            moved = np.clip(membranes[core.core] + core.bias[:, None, None], LOWEST, HIGHEST)
            membranes[core.core] = np.maximum(moved, core.threshold_low)


def inside(address, shape):
    return all(0 <= i < n for i, n in zip(address, shape, strict=True))
