"""Where two runs of the same input part: the first layer, time and neuron, and what led there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nirdynap.errors import NOT_COMPARABLE, Diagnostic, InputError
from nirdynap.ir.units import DEFAULT_DT_US, IntArray, shape_text
from nirdynap.sim.protocol import Recording
from nirdynap.sim.stimulus import Stimulus, read_recording
from nirdynap.verify.runs import Piece, Run, Runner, Spikes, piece, run_of

_SPIKES_AT_ONCE = 1 << 15  # of the recording
_COUNTS_AT_ONCE = 1 << 22  # of the raster of the largest layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first place where two runs `a` and `b` have different spikes; `str` tells all of it.

    All layers before `layer` agree in both runs, and so does `layer` before `t_us`.

    Attributes:
        layer: the user's weight node (of two float networks the node of the neurons).
        sample: index in the batch.
        at: time step; index of the external event where both are event runs.
        t_us: its time in microseconds.
        neuron: (c, y, x).
        a, b: spikes of the neuron there in each run.
        about: what `a` and `b` were.
        cause: in one line where it is recognised, as a note; else None.
    """

    layer: str
    sample: int
    at: int
    t_us: int
    neuron: tuple[int, int, int]
    a: int
    b: int
    about: tuple[str, str]
    cause: Diagnostic | None

    def __str__(self) -> str:
        where = f"{self.layer}, sample {self.sample}, {self.at} ({self.t_us} us), (c, y, x) = {self.neuron}"
        return f"first difference at {where}: {self.a} spikes in a ({self.about[0]}), {self.b} in b ({self.about[1]})"


class _Parting(NamedTuple):
    """Number of the layer in `a`, time in microseconds (of the bin), sample, neuron, spikes in each run."""

    layer: int
    t_us: int
    sample: int
    neuron: int
    a: int
    b: int


def locate(
    a: Runner, b: Runner, recording: Recording, *, dt_us: int = DEFAULT_DT_US, duration_us: int | None = None
) -> Divergence | None:
    """The first layer, time and neuron where two runs of the same input differ; None if all spikes are the same.

    Args:
        a, b: each a Spec (clocked run), `nirdynap.verify.Ran` (a spec with options of a run), a Network (float run),
            or a simulator that is ready to run, of whatever make.
        recording: one Events, several (a batch), or counts [time, channel, y, x] or [time, batch, channel, y, x].
        dt_us: length of a time step in microseconds. Spikes are compared step by step, those of two event runs
            microsecond by microsecond.
        duration_us: length of event recordings in microseconds; default: up to each one's last event.

    Raises:
        InputError: ND720 where the two do not have the same layers; every ND5xx finding about input and options.

    Example:
        A weight of 5 that became 6, seen when the second spike reaches the threshold:

        >>> from nirdynap.testing.build import build_core, build_spec
        >>> a, b = (build_spec(build_core(0, [[[[w]]]], (1, 1, 1), threshold_high=12)) for w in (5, 6))
        >>> found = locate(a, b, [[[[1]]], [[[1]]], [[[1]]]])
        >>> found.layer, found.at, found.a, found.b
        ('conv0', 1, 0, 1)
    """
    first, second = run_of(a, "a", dt_us), run_of(b, "b", dt_us)
    pairs = _paired(first, second)
    bin_us = 1 if first.semantics == second.semantics == "event" else dt_us
    best: _Parting | None = None
    for sample, s in enumerate(read_recording(recording, first.input_shape, dt_us=dt_us, duration_us=duration_us)):
        limit = len(pairs) if best is None else best.layer + 1
        found = _first_of(first, second, pairs[:limit], sample, _pieces(s, first, dt_us), bin_us)
        best = min((p for p in (best, found) if p is not None), default=None)
    if best is None:
        return None
    layer, twin = first.layers[best.layer], second.layers[pairs[best.layer]]
    c, y, x = (int(i) for i in np.unravel_index(best.neuron, layer.shape))
    return Divergence(
        layer=layer.name if first.semantics != "float" else twin.name,
        sample=best.sample,
        at=best.t_us // dt_us,
        t_us=best.t_us,
        neuron=(c, y, x),
        a=best.a,
        b=best.b,
        about=(first.about, second.about),
        cause=None,
    )


def _paired(a: Run, b: Run) -> tuple[int, ...]:
    """For each layer of `a` the number of the layer of `b` that has a node with it in common, else the same number."""
    if a.input_shape != b.input_shape:
        shapes = f"the input of a is {shape_text(a.input_shape)}, that of b {shape_text(b.input_shape)}"
        raise InputError([NOT_COMPARABLE.at("$.b", value=shapes)])
    by_node = {node: number for number, layer in enumerate(b.layers) for node in layer.nodes}
    named = tuple(next((by_node[n] for n in sorted(layer.nodes) if n in by_node), -1) for layer in a.layers)
    pairs = named if sorted(named) == list(range(len(b.layers))) else tuple(range(len(a.layers)))
    shapes_a = [layer.shape for layer in a.layers]
    shapes_b = [b.layers[i].shape for i in pairs if i < len(b.layers)]
    if shapes_a != shapes_b or len(a.layers) != len(b.layers):
        value = f"the layers of a are {_listed(a)}, those of b {_listed(b)}"
        raise InputError([NOT_COMPARABLE.at("$.b", value=value)])
    return pairs


def _listed(run: Run) -> str:
    return ", ".join(f"{layer.name} {shape_text(layer.shape)}" for layer in run.layers)


def _pieces(s: Stimulus, run: Run, dt_us: int) -> Iterator[Piece]:
    """The recording in pieces of whole time steps that each fit into little memory."""
    largest = max(int(np.prod(layer.shape)) for layer in run.layers)
    pieces = max(1, int(s.count.sum()) // _SPIKES_AT_ONCE, s.steps * largest // _COUNTS_AT_ONCE)
    stride = max(1, s.steps // pieces)
    for step in range(0, max(1, s.steps), stride):
        yield piece(s, step * dt_us, max(1, min(step + stride, s.steps)) * dt_us)


def _first_of(
    a: Run, b: Run, pairs: tuple[int, ...], sample: int, pieces: Iterator[Piece], bin_us: int
) -> _Parting | None:
    """The topologically first layer, then the first bin, then the first neuron."""
    a.restart()
    b.restart()
    best: _Parting | None = None
    for part in pieces:
        a.advance(part)
        b.advance(part)
        for layer in range(len(pairs) if best is None else best.layer):
            size = int(np.prod(a.layers[layer].shape))
            found = _mismatch(a.spikes(layer), b.spikes(pairs[layer]), bin_us, size)
            if found is not None:
                bin_, neuron, *counts = found
                best = _Parting(layer, bin_ * bin_us, sample, neuron, *counts)
                break
        if best is not None and best.layer == 0:
            break
    return best


def _mismatch(a: Spikes, b: Spikes, bin_us: int, size: int) -> tuple[int, int, int, int] | None:
    """First bin, then neuron, in which two layers of `size` neurons have different numbers of spikes, and these."""
    (keys_a, counts_a), (keys_b, counts_b) = (_tally(spikes, bin_us, size) for spikes in (a, b))
    if np.array_equal(keys_a, keys_b) and np.array_equal(counts_a, counts_b):
        return None
    keys = np.union1d(keys_a, keys_b)
    here, there = np.zeros((2, len(keys)), dtype=np.int64)
    here[np.searchsorted(keys, keys_a)] = counts_a
    there[np.searchsorted(keys, keys_b)] = counts_b
    first = int(np.argmax(here != there))
    return int(keys[first]) // size, int(keys[first]) % size, int(here[first]), int(there[first])


def _tally(spikes: Spikes, bin_us: int, size: int) -> tuple[IntArray, IntArray]:
    """(bin, neuron) of all spikes as ascending numbers bin * size + neuron, and how many spikes each has."""
    keys, which = np.unique(spikes.t // bin_us * size + spikes.neuron, return_inverse=True)
    return keys, np.bincount(which.ravel(), weights=spikes.n, minlength=len(keys)).astype(np.int64)
