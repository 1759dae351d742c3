"""Placement: which layer goes to which core. A maximum matching decides, so "does not fit" is a proof."""

from __future__ import annotations

import networkx as nx

from nirdynap.chips.chip import Chip
from nirdynap.errors import NO_PLACEMENT, CompileError, Diagnostic
from nirdynap.ir.layers import IntLayer, Layer
from nirdynap.lower.rules import candidates, ki, memory_of_layer

_Options = tuple[tuple[int, ...], ...]  # per layer, the cores with room for it


def place(layers: tuple[IntLayer, ...], chip: Chip) -> tuple[int, ...]:
    """Hardware core of each layer: of all assignments that fit, the one that gives earlier layers lower cores.

    Raises:
        CompileError: ND304.
    """
    findings = placement_findings(layers, chip)
    if findings:
        raise CompileError(findings)
    options = [candidates(memory_of_layer(layer), chip) for layer in layers]
    for i, cores in enumerate(options):
        # The matching of the library depends on its inner workings; fixing layer by layer does not.
        options[i] = next((core,) for core in cores if _matched(_fixed(options, i, core)) == len(layers))
    return tuple(core for (core,) in options)


def placement_findings(layers: tuple[Layer, ...] | tuple[IntLayer, ...], chip: Chip) -> tuple[Diagnostic, ...]:
    """Which layers compete for which cores, if not all can be placed.

    Layers that no core can hold at all, and more layers than cores, are findings of the rules and not repeated here.
    """
    rivals: list[Layer | IntLayer] = [layer for layer in layers if candidates(memory_of_layer(layer), chip)]
    options = tuple(candidates(memory_of_layer(layer), chip) for layer in rivals)
    if len(layers) > len(chip.cores) or _matched(options) == len(options):
        return ()
    stuck = _competing(options)
    cores = sorted({core for i in stuck for core in options[i]})
    names = ", ".join(_need(rivals[i], chip, options[i]) for i in stuck)
    remedy = _nearest_change(rivals, options, stuck, chip)
    where = ", ".join(map(str, cores))
    return (NO_PLACEMENT.at("$.nodes", value=len(stuck), limit=len(cores), layers=names, cores=where, remedy=remedy),)


def _fixed(options: list[tuple[int, ...]], layer: int, core: int) -> _Options:
    return tuple((core,) if i == layer else cores for i, cores in enumerate(options))


def _graph(options: _Options) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(("layer", i) for i in range(len(options)))
    graph.add_edges_from((("layer", i), ("core", core)) for i, cores in enumerate(options) for core in cores)
    return graph


def _matching(options: _Options) -> dict[tuple[str, int], tuple[str, int]]:
    graph = _graph(options)
    matching: dict[tuple[str, int], tuple[str, int]] = nx.bipartite.hopcroft_karp_matching(
        graph, [("layer", i) for i in range(len(options))]
    )
    return matching


def _matched(options: _Options) -> int:
    """How many layers a maximum matching places."""
    return len(_matching(options)) // 2


def _competing(options: _Options) -> list[int]:
    """Layers that together have fewer cores than they are (Hall's condition): a smallest such set.

    Dropping any one layer from it would let the rest of it be placed.
    """
    stuck = list(range(len(options)))
    for i in range(len(options)):
        rest = tuple(options[j] for j in stuck if j != i)
        if _matched(rest) < len(rest):
            stuck.remove(i)
    return stuck


def _need(layer: Layer | IntLayer, chip: Chip, cores: tuple[int, ...]) -> str:
    need = memory_of_layer(layer)
    best = max(cores, key=lambda i: (chip.cores[i].kernel + chip.cores[i].neuron, -i))
    has = chip.cores[best]
    return (
        f"{layer.name} (kernel {ki(need.kernel)} of {ki(has.kernel)}, neuron {ki(need.neuron)} of {ki(has.neuron)} "
        f"words in core {best})"
    )


def _nearest_change(layers: list[Layer | IntLayer], options: _Options, stuck: list[int], chip: Chip) -> str:
    """The smallest relative cut in one layer's output features after which all layers can be placed."""
    best: tuple[float, str] = (0.0, "one layer less, or smaller layers: no change to a single one is enough")
    for i in stuck:
        out = layers[i].neuron_shape[0]
        for features in range(out - 1, 0, -1):
            cores = candidates(memory_of_layer(layers[i], features), chip)
            if features / out <= best[0]:
                break
            if cores != options[i] and _matched((*options[:i], cores, *options[i + 1 :])) == len(options):
                best = (features / out, f"{layers[i].name} with at most {features} instead of {out} output features")
                break
    return best[1]
