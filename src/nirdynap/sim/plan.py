"""A spec as flat arrays, the form that the kernels run.

Weights lie as [in, ky, kx, out] and membranes as [y, x, out], core after core, so that the innermost loop over the
output channels of one tap walks through memory in order. Spike counts lie as [out, y, x].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from nirdynap.ir.digest import Same
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import IntArray, Shape
from nirdynap.sim.stimulus import COUNT_MAX

_CORE = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("kernel_y", "kernel_x", "stride_y", "stride_x", "padding_y", "padding_x"),
            *("channels", "height", "width"),  # of the neurons
            *("threshold_high", "threshold_low", "return_to_zero", "decimator"),
            *("has_bias", "recorded"),
            *("weights", "neurons", "features", "found"),  # where its part of each flat array begins
            *("first_edge", "edges"),
        )
    ]
)
_EDGE = np.dtype(
    [
        (name, np.int64)
        # A spike arrives where its own channel is below `channels` and its pooled y, x are below `height`, `width`.
        for name in ("target", "pooling", "shift", "channels", "height", "width")
    ]
)


class Network(NamedTuple):
    """What a run does not change.

    Attributes:
        cores: one record for each core, in topological order; indices below count in this order.
        edges: one record for each destination, core after core, in slot order.
        ports: one edge record for each input port, in order.
        weights: int8, flat [in, ky, kx, out] of every core.
        bias: int64, flat [out] of every core, 0 where it has none.
        found_size: most spikes that one update of each core can cause, summed.
    """

    cores: IntArray
    edges: IntArray
    ports: IntArray
    weights: IntArray
    bias: IntArray
    found_size: int


class Sample(NamedTuple):
    """What the run of one sample writes to.

    Attributes:
        membranes: int16 or int32, flat; phases: int64 [core], the decimators' counters.
        counts: int64, flat; saturated: int64 [core]; both are added to.
        found: int64, room for the spikes of one update of each core; the clocked run needs none.
    """

    membranes: IntArray
    phases: IntArray
    counts: IntArray
    saturated: IntArray
    found: IntArray = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What lives on between runs: membranes [batch, neuron] and decimator counters, int64 [batch, core]."""

    membranes: IntArray
    phases: IntArray


def recorded_cores(spec: Spec, *, record_all: bool) -> IntArray:
    """Are the spikes of each core recorded: those of all cores, or of those that are an output; int64 0 or 1."""
    read = {port.core for port in spec.outputs}
    return np.array([record_all or core.core in read for core in spec.cores], dtype=np.int64)


def flatten(spec: Spec, *, record_all: bool) -> Network:
    """The arrays of a spec; `record_all` as in `recorded_cores`. Those of the last few specs are kept."""
    return _kept_network(Same(spec), record_all)


def _flatten(key: Same[Spec], record_all: bool) -> Network:
    spec = key.value
    order = {core.core: index for index, core in enumerate(spec.cores)}
    recorded = recorded_cores(spec, record_all=record_all)
    cores = np.zeros(len(spec.cores), dtype=_CORE)
    edges: list[tuple[int, ...]] = []
    weights = neurons = features = found = 0
    for index, core in enumerate(spec.cores):
        assert all(order[d.core] > index for d in core.destinations), f"core {core.core} is out of order"
        _assert_no_overflow(spec, core)
        starts = (weights, neurons, features, found, len(edges), len(core.destinations))
        edges += [_edge(spec, order, core.neuron_shape, d.core, d.pooling, d.feature_shift) for d in core.destinations]
        cores[index] = (*_constants(core), core.bias is not None, recorded[index], *starts)
        weights += core.weights.size
        neurons += int(np.prod(core.neuron_shape))
        features += core.neuron_shape[0]
        found += _most_targets(core)
    ports = [_edge(spec, order, spec.port_shape, port.core, 1, port.feature_shift) for port in spec.inputs]
    return Network(
        cores=cores,
        edges=np.array(edges, dtype=_EDGE),
        ports=np.array(ports, dtype=_EDGE),
        weights=np.concatenate([core.weights.transpose(1, 2, 3, 0).ravel() for core in spec.cores]),
        bias=np.concatenate([_bias(core) for core in spec.cores]),
        found_size=found,
    )


_kept_network = lru_cache(maxsize=8)(_flatten)  # a decorated function is one that mutmut does not change


def first_state(spec: Spec, batch: int, dtype: type[np.integer], last: State | None) -> State:
    """What a run of a batch starts from, for it to change: a copy of the last state, or how it is after a reset."""
    if last is not None:
        return State(membranes=last.membranes.copy(), phases=last.phases.copy())
    row = _kept_membranes(Same(spec)).astype(dtype)
    return State(membranes=np.tile(row, (batch, 1)), phases=np.zeros((batch, len(spec.cores)), dtype=np.int64))


def _first_membranes(key: Same[Spec]) -> IntArray:
    """Membranes after a reset, flat, int16."""
    cores = key.value.cores
    starts = [np.zeros(c.neuron_shape, dtype=np.int16) if c.initial_state is None else c.initial_state for c in cores]
    return np.concatenate([start.transpose(1, 2, 0).ravel() for start in starts])


_kept_membranes = lru_cache(maxsize=8)(_first_membranes)


def membranes_by_core(spec: Spec, membranes: IntArray) -> dict[int, IntArray]:
    """Flat membranes [batch, neuron] as [batch, c, y, x] per hardware core: views."""
    parts = _split(spec, membranes)
    shaped = (p.reshape(-1, *c.neuron_shape[1:], c.neuron_shape[0]) for c, p in zip(spec.cores, parts, strict=True))
    return {c.core: p.transpose(0, 3, 1, 2) for c, p in zip(spec.cores, shaped, strict=True)}


def counts_by_core(spec: Spec, counts: IntArray) -> dict[int, IntArray]:
    """Flat counts [batch, neuron] as [batch, c, y, x] per hardware core."""
    parts = _split(spec, counts)
    return {c.core: p.reshape(-1, *c.neuron_shape) for c, p in zip(spec.cores, parts, strict=True)}


def _split(spec: Spec, flat: IntArray) -> list[IntArray]:
    ends = list(accumulate(math.prod(core.neuron_shape) for core in spec.cores))
    return [flat[:, start:end] for start, end in pairwise([0, *ends])]


def _constants(core: CoreSpec) -> tuple[int, ...]:
    thresholds = (core.threshold_high, core.threshold_low, int(core.return_to_zero), core.decimator)
    return (*core.weights.shape[2:], *core.stride, *core.padding, *core.neuron_shape, *thresholds)


def _bias(core: CoreSpec) -> IntArray:
    return np.zeros(core.neuron_shape[0], dtype=np.int64) if core.bias is None else core.bias.astype(np.int64)


def _most_targets(core: CoreSpec) -> int:
    """Most neurons that one event reaches: each at most once, one row for each kernel row of the same stride phase."""
    (sy, sx), (ky, kx) = core.stride, core.weights.shape[2:]
    channels, height, width = core.neuron_shape
    most: int = channels * min(height, math.ceil(ky / sy)) * min(width, math.ceil(kx / sx))
    return most


def _edge(spec: Spec, order: dict[int, int], source: Shape, target: int, pooling: int, shift: int) -> tuple[int, ...]:
    channels, height, width = spec.core(target).input_shape
    _, rows, columns = source
    limits = (channels - shift, min(height, rows // pooling), min(width, columns // pooling))
    return (order[target], pooling, shift, *limits)


def _assert_no_overflow(spec: Spec, core: CoreSpec) -> None:
    """The clocked run adds up in int64: no count is above COUNT_MAX, a pool sums pooling**2 of them, and edges add."""
    windows = sum(d.pooling**2 for source in spec.cores for d in source.destinations if d.core == core.core)
    ports = sum(port.core == core.core for port in spec.inputs)  # what the DVS layer pools is held to COUNT_MAX
    largest = int(np.abs(core.weights.astype(np.int64)).sum(axis=(1, 2, 3)).max())
    assert largest * (windows + ports) * COUNT_MAX < 2**62, f"core {core.core} is too large for int64"
