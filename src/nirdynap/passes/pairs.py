"""Last of the passes, and it changes nothing: is every layer weights, then neurons, then pools?"""

from __future__ import annotations

from collections.abc import Iterator

from nirdynap.errors import (
    MISPLACED_POOL,
    NO_NEURON,
    NO_WEIGHTS,
    NOT_ONE_MAP,
    NOTHING_TO_COMPUTE,
    SHARED_WEIGHTS,
    SUM_OF_CURRENTS,
    CompileError,
    Diagnostic,
    node_place,
)
from nirdynap.ir.network import IF, Conv, Flatten, Input, Linear, Network, Node, Output, Pool, Scale
from nirdynap.passes.fold_affine_maps import obstacle


def pairs(network: Network) -> Network:
    """The network as it is.

    Raises:
        CompileError: ND206, ND207, ND208, ND214, ND215, ND218 or ND230 for what is no core, all at once.
    """
    findings = [finding for node in network.nodes for finding in _findings(network, node)]
    if findings:
        raise CompileError(findings)
    return network


def _findings(network: Network, node: Node) -> Iterator[Diagnostic]:
    place = node_place(node.name)
    before, after = _neighbours(network, node, False), _neighbours(network, node, True)
    if isinstance(node, (Conv, Linear)):
        names = dict.fromkeys(n.name for n in after)
        if len(names) > 1:
            yield SHARED_WEIGHTS.at(place, value=", ".join(names))
        elif isinstance(node, Conv) and isinstance(after[0], Conv):
            yield from _no_single_map(network, node, after[0])
        elif not isinstance(after[0], (IF, Pool)):  # for a pool the finding is there
            kind = "the weights" if isinstance(after[0], (Conv, Linear)) else type(after[0]).__name__
            yield NO_NEURON.at(place, value=node.name, limit=f"{kind} {after[0].name}")
    elif isinstance(node, IF):
        weights = [n for n in before if isinstance(n, (Conv, Linear))]
        others = [f"{type(n).__name__} {n.name}" for n in before if not isinstance(n, (Conv, Linear))]
        if others:
            yield NO_WEIGHTS.at(place, value=", ".join(others))
        elif len(weights) > 1:
            yield SUM_OF_CURRENTS.at(place, value=len(weights))
    elif isinstance(node, Pool):
        wrong = [f"{type(n).__name__} {n.name}" for n in before if not isinstance(n, (IF, Pool))]
        if wrong:
            yield MISPLACED_POOL.at(place, value=", ".join(wrong))
    elif isinstance(node, Output) and any(isinstance(n, Input) for n in before):
        yield NOTHING_TO_COMPUTE.at(place)


def _no_single_map(network: Network, first: Conv, second: Conv) -> Iterator[Diagnostic]:
    """Why `fold_affine_maps` left these two; nothing where an earlier pass has said what stands between them."""
    several = len(network.edges_into(second.name)) > 1
    why = f"{second.name} has other sources as well" if several else obstacle(first, second)
    if why is not None:
        yield NOT_ONE_MAP.at(node_place(first.name), value=first.name, limit=second.name, why=why)


def _neighbours(network: Network, node: Node, forward: bool) -> tuple[Node, ...]:
    """Target (or source) of each edge, looking through what an earlier pass had to leave in place."""
    edges = network.edges_from(node.name) if forward else network.edges_into(node.name)
    found: list[Node] = []
    for other in (network.node(e.target if forward else e.source) for e in edges):
        found += _neighbours(network, other, forward) if isinstance(other, (Scale, Flatten)) else [other]
    return tuple(found)
