"""Where two runs of the same input part: the first layer, time and neuron, and what led there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nirdynap.errors import NOT_COMPARABLE, OTHER_ORDER, Diagnostic, InputError, node_place
from nirdynap.ir.units import DEFAULT_DT_US, IntArray, shape_text
from nirdynap.sim.protocol import Recording
from nirdynap.sim.stimulus import read_recording
from nirdynap.verify.causes import Case, cause_of
from nirdynap.verify.history import Pair, Timeline, Update, pair, timeline
from nirdynap.verify.parting import Divergence
from nirdynap.verify.runs import Run, Runner, Spikes, run_of

_BEFORE, _BEHIND = 6, 2  # moments of the history around the difference


class _Parting(NamedTuple):
    """Where spikes differ: layer of `a`, time in microseconds (of the bin), sample, neuron, spikes in each run.

    `same` if only their order does: then nothing but another order of the same spikes was found so far.
    """

    same: bool
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
    stimuli = read_recording(recording, first.input_shape, dt_us=dt_us, duration_us=duration_us)
    by_event = first.semantics == second.semantics == "event"
    lines = [timeline(s, dt_us, by_event=by_event) for s in stimuli]
    best: _Parting | None = None
    for sample, line in enumerate(lines):
        limit = len(pairs) if best is None or best.same else best.layer + 1
        found = _first_of(first, second, pairs[:limit], sample, line)
        best = min((p for p in (best, found) if p is not None), default=None)
    return None if best is None else _told(first, second, pairs, best, lines[best.sample])


def _told(a: Run, b: Run, pairs: tuple[int, ...], found: _Parting, line: Timeline) -> Divergence:
    """All that leads to a difference, by running both once more and watching the one neuron."""
    layers = (found.layer, pairs[found.layer])
    shape = a.layers[found.layer].shape
    watched = pair(a, b, line, layers, found.neuron)
    moment = _moment(watched, found, line)
    history = watched.updates(max(0, moment - _BEFORE), min(line.moments, moment + 1 + _BEHIND))
    spot = next(update for update in history if update.at == moment)
    parted = spot
    if not watched.alike(spot.a.before, spot.b.before) and moment > 0:
        start = watched.first("membrane", 0, moment)
        (parted,) = watched.updates(start, start + 1)
    c, y, x = (int(i) for i in np.unravel_index(found.neuron, shape))
    return Divergence(
        layer=(b.layers[layers[1]] if a.semantics == "float" else a.layers[layers[0]]).name,
        sample=found.sample,
        at=moment,
        t_us=line.t_us(moment),
        neuron=(c, y, x),
        a=spot.a.spikes,
        b=spot.b.spikes,
        about=(a.about, b.about),
        thresholds=(watched.a.rule.threshold, watched.b.rule.threshold),
        history=history,
        parted=parted,
        cause=_cause(a, b, pairs, found, watched, parted),
    )


def _moment(watched: Pair, found: _Parting, line: Timeline) -> int:
    """The time step, or the one of several external events at the same time, at which the spikes differ."""
    if not line.by_event:
        return found.t_us // line.dt_us
    first, last = (int(i) for i in np.searchsorted(line.stimulus.t, (found.t_us, found.t_us + 1)))
    return first if found.same else watched.first("spikes", first, last)


def _cause(a: Run, b: Run, pairs: tuple[int, ...], found: _Parting, watched: Pair, parted: Update) -> Diagnostic | None:
    layers = (found.layer, pairs[found.layer])
    place = node_place((b.layers[layers[1]] if a.semantics == "float" else a.layers[layers[0]]).name)
    if found.same:
        return OTHER_ORDER.at(place, value="the same spikes are emitted in another order")
    case = Case(
        a=a,
        b=b,
        layers=layers,
        neuron=found.neuron,
        names={y.name: x.name for x, y in zip(a.layers, (b.layers[i] for i in pairs), strict=True)},
        rules=(watched.a.rule, watched.b.rule),
        update=parted,
        tolerance=watched.tolerance,
        place=place,
    )
    return cause_of(case)


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


def _first_of(a: Run, b: Run, pairs: tuple[int, ...], sample: int, line: Timeline) -> _Parting | None:
    """The topologically first layer, then the first bin, then the first neuron; equal spikes in another order last."""
    a.restart()
    b.restart()
    best: _Parting | None = None
    bin_us = 1 if line.by_event else line.dt_us
    largest = max(int(np.prod(layer.shape)) for layer in a.layers)
    for cut in line.cuts(0, line.moments, largest) if a.goes_on and b.goes_on else ((0, line.moments),):
        a.advance(line.part(*cut))
        b.advance(line.part(*cut))
        for layer in range(len(pairs) if best is None or best.same else best.layer):
            size = int(np.prod(a.layers[layer].shape))
            here, there = a.spikes(layer), b.spikes(pairs[layer])
            found = _mismatch(here, there, bin_us, size)
            if found is not None:
                bin_, neuron, *counts = found
                best = _Parting(False, layer, bin_ * bin_us, sample, neuron, *counts)
                break
            alone = a.layers[layer].cores == b.layers[pairs[layer]].cores == 1
            if line.by_event and alone and best is None and not np.array_equal(here.neuron, there.neuron):
                i = int(np.argmax(here.neuron != there.neuron))
                best = _Parting(True, layer, int(here.t[i]), sample, int(here.neuron[i]), 1, 1)
        if best is not None and best.layer == 0 and not best.same:
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
