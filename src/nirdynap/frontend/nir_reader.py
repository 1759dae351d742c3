"""Reading: a foreign, mutable NIR graph (or its file) becomes our frozen Network, or all reasons why it cannot."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from nirdynap.errors import (
    BAD_OPTION,
    MIXED_CONVENTION,
    NO_FILE_VERSION,
    UNKNOWN_FIELD,
    WRONG_FILE_VERSION,
    CompileError,
    Diagnostic,
    raise_errors,
)
from nirdynap.frontend.conv1d import with_second_axis
from nirdynap.frontend.ends import with_ends
from nirdynap.frontend.fields import Fields, declared_shape, unknown_settings
from nirdynap.frontend.habits import recognised
from nirdynap.frontend.nested import unfold
from nirdynap.frontend.nodes import parse_node
from nirdynap.frontend.raw import NEURONS, RawGraph, raw_from_graph
from nirdynap.frontend.safe_hdf5 import read_hdf5
from nirdynap.frontend.shapes import shaped_nodes
from nirdynap.frontend.summary import summary_of_graph, summary_of_network
from nirdynap.frontend.topology import edge_findings, topology_findings
from nirdynap.frontend.unsettled import unsettled
from nirdynap.ir.convention import AUTO, Convention, resolve_convention
from nirdynap.ir.network import Edge, Network, build_network


class ReadOptions(TypedDict, total=False):
    """The keyword arguments of `read`, which `nir_to_dynapcnn` and `check` pass on."""

    reset: str | None
    v_min: float | str | None
    tie: str | None
    spikes_per_step: str | None
    dt: float | None
    flatten: str | None
    integration: str | None
    reset_time: str | None
    delay: str | None
    leak: str | None
    conv1d: str | None
    input_shape: tuple[int, ...] | None


def read(
    source: str | os.PathLike[str] | Any,
    convention: str | Convention = AUTO,
    *,
    reset: str | None = None,
    v_min: float | str | None = None,
    tie: str | None = None,
    spikes_per_step: str | None = None,
    dt: float | None = None,
    flatten: str | None = None,
    integration: str | None = None,
    reset_time: str | None = None,
    delay: str | None = None,
    leak: str | None = None,
    conv1d: str | None = None,
    input_shape: tuple[int, ...] | None = None,
) -> Network:
    """Read a NIR graph into a frozen `Network` whose shapes are computed by us. The source is never changed.

    Args:
        source: path of a `.nir` file, or a `nir.NIRGraph`.
        convention: what the file leaves open, by name (docs/semantics.md): nir, sinabs, torch, snntorch, norse,
            spikingjelly, spyx, rockpool, mlx-snn, lava; "auto" takes the one that the file gives away, with a note
            that holds the evidence, else "nir" with a warning of what the file leaves open.
        reset: "subtract" or "zero"; like all overrides it wins over the convention and over a node's metadata.
        v_min: lower bound of all membranes: "none", "-threshold" or a number <= 0.
        tie: "fires" or "waits" at v == threshold.
        spikes_per_step: "one" or "many".
        dt: length of a time step in seconds, used where the convention multiplies r by it, and by leaky neurons.
        flatten: "chw" or "hwc".
        integration: of leaky neurons: "euler", "exp", "euler-raw" or "exp-raw", see `Convention`.
        reset_time: of leaky neurons: "now" or "next", see `Convention`.
        delay: "drop" accepts branches of unequal depth where the convention delays each layer by a step.
        leak: what lowering does with a leak: "refuse" it, "drop" it, or make it "linear".
        conv1d: "1xk" reads (C, N) as a map of 1 x N and each Conv1d as a Conv2d of 1 x k; else they are refused.
        input_shape: (C, H, W) or (N,), with conv1d also (C, N), where the file does not say it.

    Raises:
        CompileError: ND1xx, all findings at once.

    Example:
        >>> import nir, numpy as np
        >>> graph = nir.NIRGraph.from_list(
        ...     nir.Input({"input": np.array([2])}), nir.Linear(np.eye(2)),
        ...     nir.IF(np.ones(2), np.ones(2)), nir.Output({"output": np.array([2])}))
        >>> [type(node).__name__ for node in read(graph, "torch").nodes]
        ['Input', 'Linear', 'IF', 'Output']
    """
    overrides = {"reset": reset, "v_min": v_min, "tie": tie, "spikes_per_step": spikes_per_step, "dt": dt}
    overrides |= {"flatten": flatten, "integration": integration, "reset_time": reset_time}
    overrides |= {"delay": delay, "leak": leak}
    resolve_convention("nir" if convention == AUTO else convention, **overrides)  # type: ignore[arg-type]
    if conv1d not in (None, "1xk"):
        raise CompileError([BAD_OPTION.at("$.conv1d", parameter="conv1d", value=str(conv1d), limit='"1xk"')])
    shape = _given_shape(input_shape, lift=conv1d is not None)
    raw = read_hdf5(Path(source)) if isinstance(source, (str, os.PathLike)) else raw_from_graph(source)
    return _network(raw, convention, overrides, shape, lift=conv1d is not None)


def _given_shape(input_shape: Any, *, lift: bool) -> tuple[int, ...] | None:
    if input_shape is None:
        return None
    in_a_row = isinstance(input_shape, (tuple, list, np.ndarray)) and all(np.ndim(n) == 0 for n in input_shape)
    shape = declared_shape(input_shape) if in_a_row else None
    if shape is not None and lift and len(shape) == 2:
        return (shape[0], 1, shape[1])
    if shape is None or len(shape) not in (1, 3):
        found = {"parameter": "input_shape", "value": str(input_shape), "limit": "(C, H, W) or (N,)"}
        raise CompileError([BAD_OPTION.at("$.input_shape", **found)])
    return shape


def _network(
    raw: RawGraph,
    asked: str | Convention,
    overrides: dict[str, Any],
    input_shape: tuple[int, ...] | None,
    *,
    lift: bool,
) -> Network:
    findings = _version_findings(raw)
    findings += edge_findings(raw)
    raw = unfold(raw)
    raw, lifted = with_second_axis(raw) if lift else (raw, [])
    raw, added = with_ends(raw, input_shape)
    findings += [*lifted, *added]
    name, evidence = recognised(raw) if asked == AUTO else (asked, [])
    findings += evidence
    convention = resolve_convention(name, **overrides)
    given = frozenset(key for key, value in overrides.items() if value is not None)
    findings += [UNKNOWN_FIELD.at("$", value=name) for name in (*raw.unknown, *unknown_settings(raw.metadata))]
    findings += topology_findings(raw)
    fields = {node.name: Fields(node) for node in raw.nodes}
    makers = {name: parse_node(f, convention, given) for name, f in fields.items()}
    convention, disagreements = _network_wide(convention, given, list(fields.values()))
    findings += [d for f in fields.values() for d in f.findings] + disagreements
    raise_errors(findings)
    nodes, shape_findings = shaped_nodes(raw, {k: m for k, m in makers.items() if m is not None}, input_shape)
    findings += shape_findings
    findings += unsettled(convention, given, list(fields.values()), nodes, chosen=asked != AUTO)
    raise_errors(findings)
    edges = tuple(Edge(source=a, target=b) for a, b in raw.edges)
    network = build_network(nodes, edges, convention, tuple(findings))
    found, read_ = summary_of_graph(raw), summary_of_network(network)
    assert (found.weights, found.checksum) == (read_.weights, read_.checksum), "a weight changed on the way in"
    return network


def _version_findings(raw: RawGraph) -> list[Diagnostic]:
    if not raw.from_file:
        return []
    if raw.version is None:
        return [NO_FILE_VERSION.at("$.version")]
    # 0.1 to 1.0.x, development versions such as 1.0.7.dev8+g2af263 included
    if not re.match(r"(0\.\d+|1\.0)(\.|$)", raw.version):
        return [WRONG_FILE_VERSION.at("$.version", value=raw.version, limit="0.1 to 1.0.x")]
    return []


def _network_wide(
    convention: Convention, given: frozenset[str], fields: list[Fields]
) -> tuple[Convention, list[Diagnostic]]:
    """Settings that the whole network shares, taken from the metadata of its neurons if they agree."""
    if "spikes_per_step" in given:
        return convention, []
    neurons = [f for f in fields if f.raw.type in NEURONS]
    settings = {f.choice("spikes_per_step") or convention.spikes_per_step for f in neurons}
    if len(settings) > 1:
        found = " and ".join(sorted(settings))
        return convention, [MIXED_CONVENTION.at("$.nodes", parameter="spikes_per_step", value=found)]
    if settings:
        return dataclasses.replace(convention, spikes_per_step=settings.pop()), []
    return convention, []
