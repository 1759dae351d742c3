"""What a run shows to be wrong with a network: layers, channels and outputs without a spike, membranes at their ends.

All of it is counted in what every run leaves behind: spikes of each neuron, counters, and membranes at the end. The
guards of a conversion, which need no run, are in `lower/guards.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nirdynap.errors import (
    AT_LOWER_BOUND,
    FIRES_AT_ONCE,
    LOWER_BOUND_UNUSED,
    MEMBRANES_SATURATE,
    NO_SPIKE,
    OUTPUTS_SILENT,
    SILENT_CHANNELS,
    Diagnostic,
    node_place,
)
from nirdynap.ir.result import CoreRecord, Result
from nirdynap.ir.spec import CoreSpec
from nirdynap.ir.units import INT16_MIN, IntArray, side_by_side

_LISTED = 8
_SAMPLES = 10  # in fewer, channels and outputs without a spike are common: there may be no sample of their class

# One membrane at a random moment is at the bound with probability p; of 300 that none is has a chance of 5 % where
# p is 1 % (the rule of three).
_MEMBRANES = 300
_ALWAYS = 0.9


def guards(result: Result) -> tuple[Diagnostic, ...]:
    """What the spikes, counters and last membranes of a run say against its network, layer by layer: ND740 to ND746.

    Warnings are layers without a spike and membranes cut off at 16 bits; the rest are notes. "Never" is never in these
    recordings: the fewer there are, the less it means.

    Example:
        >>> import numpy as np
        >>> from nirdynap import nir_to_dynapcnn, simulate
        >>> from nirdynap.shipped import shipped
        >>> spec = nir_to_dynapcnn(shipped("digits", "digits.nir"))
        >>> [finding.code for finding in guards(simulate(spec, np.zeros((5, 1, 1, 8, 8), dtype=int)))]
        ['ND740', 'ND740', 'ND740']
    """
    found: list[Diagnostic] = []
    for cores in result.spec.layers:
        record = result[cores[0].name]
        found += counter_guards(cores[0].name, len(record.counts), record.stats.spikes, record.stats.saturated)
        if record.stats.spikes:
            found += _silent_channels(cores, record)
            found += _fires_at_once(cores[0], record)
        found += _lower_bound(cores, record)
    return (*found, *_silent_outputs(result))


def counter_guards(name: str, samples: int, spikes: int, saturated: int) -> Iterator[Diagnostic]:
    """ND740 and ND743 of the layer `name`, from its counters over all samples."""
    if samples and not spikes:
        yield NO_SPIKE.at(node_place(name), value=samples)
    if saturated:
        yield MEMBRANES_SATURATE.at(node_place(name), value=saturated, limit=samples)


def _silent_channels(cores: tuple[CoreSpec, ...], record: CoreRecord) -> Iterator[Diagnostic]:
    """Of a layer that feeds others; what is read at an output is ND742's."""
    if len(record.counts) < _SAMPLES or not any(core.destinations for core in cores):
        return
    silent = record.counts.sum(axis=(0, 2, 3)) == 0
    if silent.any():
        n, samples, listed = int(silent.sum()), len(record.counts), _listed(silent)
        yield SILENT_CHANNELS.at(_place(cores), value=n, limit=len(silent), samples=samples, listed=listed)


def _silent_outputs(result: Result) -> Iterator[Diagnostic]:
    for name, counts in result.output_counts.items():
        silent = counts.sum(axis=0).reshape(-1) == 0
        fires = any(result.stats[port.core].spikes for port in result.spec.ports(name))
        if len(counts) >= _SAMPLES and fires and silent.any():
            n, samples, listed = int(silent.sum()), len(counts), _listed(silent)
            yield OUTPUTS_SILENT.at(node_place(name), value=n, limit=len(silent), samples=samples, listed=listed)


def _listed(which: IntArray) -> str:
    numbers = np.flatnonzero(which).tolist()
    more = len(numbers) - _LISTED
    return ", ".join(map(str, numbers[:_LISTED])) + (f" and {more} more" if more > 0 else "")


def _fires_at_once(core: CoreSpec, record: CoreRecord) -> Iterator[Diagnostic]:
    """A spike for every second weight that an event touches, or more."""
    fired, touched = record.stats.spikes * core.decimator, record.stats.synaptic_operations
    if 2 * fired >= touched:
        yield FIRES_AT_ONCE.at(node_place(core.name), value=fired, limit=touched)


def _lower_bound(cores: tuple[CoreSpec, ...], record: CoreRecord) -> Iterator[Diagnostic]:
    """Where the membranes that have moved at all are at the end, which is the one moment that a run keeps."""
    low = cores[0].threshold_low
    moved = record.membrane[(record.membrane != _start(cores)) | (record.counts > 0)]
    if low == INT16_MIN or not len(moved):
        return
    at_bound = int((moved == low).sum())
    if at_bound >= _ALWAYS * len(moved):
        yield AT_LOWER_BOUND.at(_place(cores), value=at_bound, limit=len(moved), low=low)
    elif not at_bound and len(moved) >= _MEMBRANES:
        yield LOWER_BOUND_UNUSED.at(_place(cores), value=int(moved.min()), limit=low, moved=len(moved))


def _start(cores: tuple[CoreSpec, ...]) -> IntArray:
    """Membranes [c, y, x] before the first event."""
    states = (core.initial_state for core in cores)
    return side_by_side(
        [np.zeros(c.neuron_shape, np.int16) if s is None else s for c, s in zip(cores, states, strict=True)], axis=0
    )


def _place(cores: tuple[CoreSpec, ...]) -> str:
    return node_place(cores[0].name)
