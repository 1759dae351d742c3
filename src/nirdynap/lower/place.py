"""Placement: which piece goes to which core. A maximum matching decides, so "does not fit" is a proof."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx
import numpy as np

from nirdynap.chips.chip import Chip
from nirdynap.errors import BAD_OPTION, CompileError
from nirdynap.ir.arguments import described
from nirdynap.ir.result import Result
from nirdynap.lower.rules import candidates, memory_of_layer
from nirdynap.lower.split import Cut, Piece
from nirdynap.lower.wishes import Wishes

_Options = Sequence[tuple[int, ...]]  # per piece, the cores with room for it


def place(cut: Cut, chip: Chip, wishes: Wishes, loads: Sequence[float] | None = None) -> tuple[int, ...]:
    """Hardware core of each piece, for a plan that `arrange` has found to fit.

    Of all assignments that fit: with `loads` (synaptic operations of each piece, in any one unit of time) the one with
    the lowest peak load, then the one that gives earlier pieces lower cores. No vendor states how many operations a
    core does in a second, only that some cores work in parallel inside (`Chip.parallel`). So the busiest pieces go
    there, as far as they fit: whatever factor those cores are faster by, no other assignment has a lower peak. The
    number of spikes between cores is the same for all assignments.
    """
    options = [_cores_of(piece, chip, wishes) for piece in cut.pieces]
    assert matched(options) == len(options), "arrange has found a place for each"
    for i in sorted(range(len(options)), key=lambda i: -loads[i]) if loads is not None else ():
        fast = tuple(core for core in options[i] if core in chip.parallel)
        if matched(_narrowed(options, i, fast)) == len(options):
            options[i] = fast
    for i, cores in enumerate(options):
        # The matching of the library depends on its inner workings; fixing piece by piece does not.
        options[i] = next((core,) for core in cores if matched(_narrowed(options, i, (core,))) == len(options))
    return tuple(core for (core,) in options)


def loads_of(cut: Cut, activity: object) -> tuple[float, ...]:
    """Synaptic operations of each piece in a run of the same network, on whatever cores.

    A part has its share of the non-zero weights, and a relay one operation for each spike of its part.

    Raises:
        CompileError: ND126 where the run was of another network, and for what is no run.
    """
    if not isinstance(activity, Result):
        found, limit = described(activity), "a Result, as nirdynap.simulate returns it"
        raise CompileError([BAD_OPTION.at("$.activity", parameter="activity", value=found, limit=limit)])
    return tuple(_load(piece, cut.names[piece.source], activity) for piece in cut.pieces)


def _load(piece: Piece, name: str, activity: Result) -> float:
    layer, channels = (
        piece.layer,
        slice(piece.layer.first_channel, piece.layer.first_channel + piece.layer.neuron_shape[0]),
    )
    try:
        record, cores = activity[name], activity.spec.find_cores(name)
    except KeyError as error:
        limit = f"a run of this network: in that one {error.args[0]}"
        found = BAD_OPTION.at("$.activity", parameter="activity", value="a run of another network", limit=limit)
        raise CompileError([found]) from None
    if piece.is_relay:
        return float(record.counts[:, channels].sum())
    nonzero = sum(np.count_nonzero(core.weights) for core in cores)
    return float(record.stats.synaptic_operations * np.count_nonzero(layer.weights) / nonzero)


def matched(options: _Options) -> int:
    """How many of those that have these options a maximum matching places."""
    graph = nx.Graph()
    tops = [("piece", i) for i in range(len(options))]
    graph.add_nodes_from(tops)
    graph.add_edges_from((("piece", i), ("core", core)) for i, cores in enumerate(options) for core in cores)
    return len(nx.bipartite.hopcroft_karp_matching(graph, tops)) // 2


def _cores_of(piece: Piece, chip: Chip, wishes: Wishes) -> tuple[int, ...]:
    pins = wishes.pins[piece.source]
    if pins and not piece.is_copy and not piece.is_relay:
        return (pins[piece.part],)
    pinned = {core for cores in wishes.pins for core in cores or ()}
    fitting = candidates(memory_of_layer(piece.layer), chip)
    return tuple(core for core in fitting if core in wishes.cores and core not in pinned)


def _narrowed(options: _Options, piece: int, cores: tuple[int, ...]) -> _Options:
    return [cores if i == piece else all_cores for i, all_cores in enumerate(options)]
