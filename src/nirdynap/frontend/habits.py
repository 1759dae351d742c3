"""Which framework wrote this graph? Habits that only one exporter has settle it, others only raise a suspicion.

No exporter writes its name or its semantics (`nirdynap.to_nir` does, and they are read back here). A habit settles
the convention where no other known exporter shares it; what several share is told with the note ND135.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nirdynap.errors import CONVENTION_DETECTED, EXPORTER_SUSPECTED, UNKNOWN_CONVENTION, CompileError, Diagnostic
from nirdynap.frontend.fields import own_settings
from nirdynap.frontend.raw import RawGraph, RawNode
from nirdynap.ir.convention import AUTO, CONVENTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """Something that exporters of these conventions do: `shows` looks for it; `settling` where no others do."""

    conventions: tuple[str, ...]
    evidence: str
    shows: Callable[[RawGraph], bool]
    settling: bool = True


def recognised(graph: RawGraph) -> tuple[str, list[Diagnostic]]:
    """Name of the convention, and the note that says why (ND133), or the suspicions (ND135).

    The name is "nir" where nothing settles it, or where habits contradict each other.

    Raises:
        CompileError: ND125 when the graph's own metadata name a convention that there is not.
    """
    told = own_settings(graph).get("convention")
    if told is not None:
        name = told.decode(errors="replace") if isinstance(told, bytes) else str(told)
        if name not in CONVENTIONS:
            limit = ", ".join((AUTO, *CONVENTIONS))
            raise CompileError([UNKNOWN_CONVENTION.at("$.metadata.dynapcnn.convention", value=name, limit=limit)])
        return name, [CONVENTION_DETECTED.at("$", value=name, limit="the file's own metadata say so")]
    shown = [habit for habit in HABITS if habit.shows(graph)]
    settled = {habit.conventions[0] for habit in shown if habit.settling}
    if len(settled) != 1:
        return "nir", [_suspicion(habit) for habit in shown]
    name = settled.pop()
    evidence = "; ".join(habit.evidence for habit in shown if habit.settling)
    return name, [CONVENTION_DETECTED.at("$", value=name, limit=evidence)]


def _suspicion(habit: Habit) -> Diagnostic:
    names = " or ".join(habit.conventions)
    return EXPORTER_SUSPECTED.at("$", value=names, limit=habit.evidence, first=habit.conventions[0])


def _nodes(graph: RawGraph, *types: str) -> list[RawNode]:
    return [node for node in graph.nodes if node.type in types]


def _all_named(graph: RawGraph, pattern: str) -> bool:
    names = [node.name for node in graph.nodes if node.type not in ("Input", "Output")]
    return bool(names) and all(re.fullmatch(pattern, name) for name in names)


def _every(nodes: list[RawNode], test: Callable[[RawNode], bool]) -> bool:
    return bool(nodes) and all(test(node) for node in nodes)


def _numbers(node: RawNode, name: str) -> Any:
    array = np.asarray(node.fields.get(name, np.nan))
    return array.astype(np.float64) if array.dtype.kind in "iuf" else np.full((), np.nan)


def _endless(node: RawNode, *names: str) -> bool:
    return all(bool(np.isposinf(_numbers(node, name)).all()) for name in names)


def _r_is(node: RawNode, expected: Any) -> bool:
    r = _numbers(node, "r")
    return np.shape(expected) in ((), r.shape) and bool(np.allclose(r, expected, rtol=1e-5, atol=0))


def _scaled_by_dt(graph: RawGraph) -> bool:
    return _every(_nodes(graph, "IF"), lambda n: "v_reset" in n.fields and _r_is(n, 1e4))


def _scaled_by_another_dt(graph: RawGraph) -> bool:
    nodes = _nodes(graph, "IF")
    first = _numbers(nodes[0], "r").flat[0] if nodes and _numbers(nodes[0], "r").size else 1.0
    return bool(first > 1) and _every(nodes, lambda n: "v_reset" in n.fields and _r_is(n, first))


def _endless_lif(graph: RawGraph) -> bool:
    others = _nodes(graph, "IF", "CubaLIF") or _from_rockpool(graph)
    return not others and _every(_nodes(graph, "LIF"), lambda n: _endless(n, "tau", "r"))


def _not_from_rockpool(graph: RawGraph) -> bool:
    """Rockpool exports no maps, and never names all nodes by numbers."""
    return bool(_nodes(graph, "Conv2d", "AvgPool2d", "SumPool2d", "Flatten")) or _all_named(graph, r"\d+")


def _from_rockpool(graph: RawGraph) -> bool:
    return _all_named(graph, r"(\d+_Torch\w+\.)*\d+_\w+Torch(\.\w+)?")


def _endless_cuba(graph: RawGraph) -> bool:
    return not _nodes(graph, "IF", "LIF") and _every(_nodes(graph, "CubaLIF"), lambda n: _endless(n, "tau_mem", "r"))


def _r_is_beta(graph: RawGraph) -> bool:
    named = _all_named(graph, r"layer_\d+")
    return named and _every(_nodes(graph, "LIF"), lambda n: _r_is(n, 1 - 1 / _numbers(n, "tau")))


def _r_is_tau_over_dt(graph: RawGraph) -> bool:
    return _every(_nodes(graph, "LIF"), lambda n: _r_is(n, _numbers(n, "tau") * 1e4) and not _endless(n, "tau"))


def _zero_biases(graph: RawGraph) -> bool:
    weights = _nodes(graph, "Affine", "Conv2d")
    return _all_named(graph, r"\d+") and _every(weights, lambda n: not np.any(_numbers(n, "bias")))


# Measured on the exporters themselves; each framework's versions are in docs/from-your-framework.md.
HABITS: tuple[Habit, ...] = (
    Habit(
        conventions=("spikingjelly",),
        evidence="every IF node has v_reset and r = 10000, which is 1 / dt of its exporter",
        shows=_scaled_by_dt,
    ),
    Habit(
        conventions=("snntorch",),
        evidence="every neuron is a LIF with tau = r = inf, as its exporter writes beta = 1, behind convolutions or "
        "in a Sequential",
        shows=lambda graph: _endless_lif(graph) and _not_from_rockpool(graph),
    ),
    Habit(
        conventions=("snntorch", "rockpool"),
        evidence="every neuron is a LIF with tau = r = inf",
        shows=lambda graph: _endless_lif(graph) and not _not_from_rockpool(graph),
        settling=False,
    ),
    Habit(
        conventions=("spikingjelly",),
        evidence="every IF node has v_reset and the same r above 1, which is 1 / dt of its exporter: --dt is 1 / r",
        shows=lambda graph: _scaled_by_another_dt(graph) and not _scaled_by_dt(graph),
        settling=False,
    ),
    Habit(
        conventions=("lava", "snntorch"),
        evidence="every neuron is a CubaLIF with tau_mem = r = inf, as lava-dl writes voltage_decay = 0, and snnTorch "
        "beta = 1 of a Synaptic",
        shows=_endless_cuba,
        settling=False,
    ),
    Habit(
        conventions=("rockpool",),
        evidence='every node is named by number and class, such as "0_LinearTorch"',
        shows=_from_rockpool,
    ),
    Habit(
        conventions=("spyx",),
        evidence='nodes are named "layer_0", "layer_1" ... and every LIF has r = 1 - 1 / tau',
        shows=_r_is_beta,
    ),
    Habit(
        conventions=("spyx",),
        evidence='nodes are named "layer_0", "layer_1" ...',
        shows=lambda graph: _all_named(graph, r"layer_\d+"),
        settling=False,
    ),
    Habit(
        conventions=("snntorch", "mlx-snn"),
        evidence="every LIF has r = tau / 1e-4",
        shows=_r_is_tau_over_dt,
        settling=False,
    ),
    Habit(
        conventions=("sinabs", "norse"),
        evidence='nodes are named "0", "1" ... and all biases are zero',
        shows=_zero_biases,
        settling=False,
    ),
    Habit(
        conventions=("norse", "spikingjelly", "torch"),
        evidence='nodes are named "_0", "_1" ..., as torch.fx names the layers of a Sequential',
        shows=lambda graph: _all_named(graph, r"_\d+"),
        settling=False,
    ),
)
