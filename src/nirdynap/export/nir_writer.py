"""Writes a NIR graph to a `.nir` file: completely or not at all, and the same bytes for the same graph."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from nirdynap.atomic import write_atomically
from nirdynap.errors import BAD_PARAMETER, Diagnostic, raise_errors
from nirdynap.export.complete import completed
from nirdynap.frontend.fields import own_settings
from nirdynap.frontend.raw import GRAPH, NEURONS, RawGraph, RawNode, raw_from_graph
from nirdynap.frontend.topology import edge_findings
from nirdynap.ir.arguments import checked_path
from nirdynap.ir.convention import check_choice

# The oldest nir whose documentation reads the file as it is meant: up to 1.0.5 a neuron subtracts its threshold and
# no field says so; from 1.0.6 on it goes to v_reset.
_SUBTRACTS, _RESETS = "1.0.4", "1.0.6"
_LAYOUT = ("earliest", "v108")  # fixed, so that bytes do not depend on the HDF5 library


def write(graph: Any, path: str | os.PathLike[str]) -> None:
    """Write `graph` (a `nir.NIRGraph`) to the HDF5 file `path`. The graph is not changed.

    Missing shapes and fields are filled in (no bias: zeros; scalar parameters: full shape), so that nir 1.0.4 to
    1.0.8 load the file with type checks on (but 1.0.5 refuses every file that holds a pool, its own included).
    An edge that is listed twice is written once, since it counts once.

    What a neuron does when it fires is told by the presence of `v_reset`: absent means subtract the threshold,
    present means reset to it. nir >= 1.0.7 puts zeros there on its own, so the node's metadata decides where it
    speaks: with ``metadata={"dynapcnn": {"reset": "subtract"}}`` no `v_reset` is written, with "zero" it is;
    otherwise it is written if the node has it. Files with `v_reset` need nir >= 1.0.6.

    Raises:
        CompileError: ND102 if `graph` is no graph or a node is None; ND105, ND106, ND112, ND117 or ND126 for
            what no reader could take, all findings at once.
        StoreError: ND605 when the file cannot be written; an older file at `path` is then as it was.
        InputError: ND513 for what is no path.

    Example:
        >>> import nir, numpy as np, tempfile
        >>> neuron = nir.IF(np.ones(2), np.ones(2), metadata={"dynapcnn": {"reset": "subtract"}})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(nir.NIRGraph.from_list(nir.Linear(np.eye(2)), neuron), f"{folder}/two.nir")
        ...     print(sorted(nir.read(f"{folder}/two.nir").nodes))
        ['if', 'input', 'linear', 'output']
    """
    target = checked_path(path)
    raw, _, findings = completed(raw_from_graph(graph))
    findings += [*edge_findings(raw), *_findings(raw, "$"), *_metadata_findings(raw.metadata, "$.metadata")]
    raise_errors(findings)
    raw = _with_resets(raw)
    image = io.BytesIO()
    with h5py.File(image, "w", libver=_LAYOUT) as file:
        _put(file, "version", _RESETS if _has_reset(raw) else _SUBTRACTS)
        _put_graph(file.create_group("node"), raw, raw.metadata)
    write_atomically(target, image.getvalue())


# --- what cannot be written ------------------------------------------------------------------------------------------


def _findings(graph: RawGraph, place: str) -> Iterator[Diagnostic]:
    for node in graph.nodes:
        at = f"{place}.nodes.{node.name}"
        if "/" in node.name or node.name in ("", "."):
            yield BAD_PARAMETER.at(at, parameter="name", value=repr(node.name), limit='a name without "/"')
        yield from (d for name, value in node.fields.items() if (d := _not_a_value(value, f"{at}.{name}")))
        yield from _metadata_findings(node.metadata, f"{at}.metadata")
        if node.type in NEURONS:
            yield from _reset_findings(node, at)
        if node.graph is not None:
            yield from _findings(node.graph, at)


def _metadata_findings(metadata: Mapping[Any, Any], place: str) -> Iterator[Diagnostic]:
    for key, value in metadata.items():
        at = f"{place}.{key}"
        if "/" in str(key) or str(key) in ("", "."):
            yield BAD_PARAMETER.at(at, parameter="key", value=repr(key), limit='a key without "/"')
        if isinstance(value, Mapping):
            yield from _metadata_findings(value, at)
        elif finding := _not_a_value(value, at):
            yield finding


def _not_a_value(value: Any, place: str) -> Diagnostic | None:
    try:
        if np.asarray(value).dtype.kind in "biufcUS":
            return None
    except ValueError:  # ragged
        pass
    return BAD_PARAMETER.at(place, parameter="value", value=type(value).__name__, limit="numbers or text")


def _reset_findings(node: RawNode, place: str) -> Iterator[Diagnostic]:
    wanted = _wanted_reset(node)
    if wanted is not None and (finding := check_choice("reset", wanted, place)):
        yield finding
    if wanted == "subtract" and np.any(node.fields.get("v_reset", 0)):
        limit = '0, since the metadata says reset = "subtract"'
        yield BAD_PARAMETER.at(place, parameter="v_reset", value="not zero", limit=limit)


# --- the reset -------------------------------------------------------------------------------------------------------


def _wanted_reset(node: RawNode) -> str | None:
    return own_settings(node).get("reset")


def _with_resets(graph: RawGraph) -> RawGraph:
    """The graph in which exactly the neurons that reset to a value have a `v_reset`."""

    def decided(node: RawNode) -> RawNode:
        if node.graph is not None:
            return dataclasses.replace(node, graph=_with_resets(node.graph))
        fields = dict(node.fields)
        if node.type in NEURONS and _wanted_reset(node) == "subtract":
            fields.pop("v_reset", None)
        if node.type in NEURONS and _wanted_reset(node) == "zero":
            fields.setdefault("v_reset", np.zeros_like(fields["v_threshold"]))
        return dataclasses.replace(node, fields=fields)

    return dataclasses.replace(graph, nodes=tuple(map(decided, graph.nodes)))


def _has_reset(graph: RawGraph) -> bool:
    return any("v_reset" in n.fields or (n.graph is not None and _has_reset(n.graph)) for n in graph.nodes)


# --- HDF5 ------------------------------------------------------------------------------------------------------------


def _put_graph(group: h5py.Group, graph: RawGraph, metadata: Mapping[Any, Any]) -> None:
    # Where things lie in the file depends on the order in which they are put there: all is sorted, nodes already.
    _put(group, "edges", np.array(sorted(set(graph.edges)), dtype=object).reshape(-1, 2))
    _put_metadata(group, metadata)
    nodes = group.create_group("nodes")
    for node in graph.nodes:
        own = nodes.create_group(node.name)
        if node.graph is not None:
            _put_graph(own, node.graph, node.metadata)
            continue
        for name, value in sorted(node.fields.items()):
            _put(own, name, value)
        _put_metadata(own, node.metadata)
        _put(own, "type", node.type)
    _put(group, "type", GRAPH)


def _put_metadata(group: h5py.Group, metadata: Mapping[Any, Any], name: str = "metadata") -> None:
    if not metadata:
        return
    own = group.create_group(name)
    for key, value in sorted(metadata.items(), key=lambda item: str(item[0])):
        if isinstance(value, Mapping):
            _put_metadata(own, value, str(key))
        else:
            _put(own, str(key), value)


def _put(group: h5py.Group, name: str, value: Any) -> None:
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        group.create_dataset(name, data=array.astype(object), dtype=h5py.string_dtype(), track_times=False)
    else:
        group.create_dataset(name, data=array, track_times=False)
