"""Writes NIR graphs as files that every nir from 1.0.4 to 1.0.8 reads, type checks on.

Whether an IF node resets to zero or subtracts is told, in a file, by the presence of `v_reset`; nir before 1.0.6 does
not know the field and cannot read a file that has it, nir from 1.0.6 on gives every node one. So a node whose metadata
says ``{"dynapcnn": {"reset": "subtract"}}`` is written without `v_reset`, and any other node with what it has.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nirdynap.atomic import write_atomically
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.frontend.raw import GRAPH, RawGraph, RawNode, raw_from_graph
from nirdynap.ir.network import Flatten, Node

_LAYOUT = ("earliest", "v108")  # fixed, so that bytes do not depend on the HDF5 library
_WITHOUT_RESET, _WITH_RESET = "1.0.4", "1.0.6"  # the first versions of nir that wrote such files


def write(graph: Any, path: str | os.PathLike[str]) -> None:
    """Write a `nir.NIRGraph` to a `.nir` file, whole or not at all. The graph is not changed.

    Shapes that the graph leaves out (the input of a Conv2d or Flatten) are filled in where they follow from the
    Input. Equal graphs give equal bytes.

    Args:
        graph: the graph; settings of a convention go into a node's metadata under ``dynapcnn`` (keys `reset`,
            `v_min`, `tie`, `spikes_per_step`, `dt`, `flatten`), which `nirdynap.read` obeys.
        path: the file; it replaces an older one.

    Raises:
        CompileError: ND102 for what is no NIR graph.
        StoreError: ND605 when the file cannot be written; then nothing is left behind.

    Example:
        >>> import nir, numpy as np, tempfile
        >>> graph = nir.NIRGraph.from_list(
        ...     nir.Input({"input": np.array([2])}), nir.Linear(np.eye(2)),
        ...     nir.IF(np.ones(2), np.ones(2), metadata={"dynapcnn": {"reset": "subtract"}}),
        ...     nir.Output({"output": np.array([2])}))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(graph, f"{folder}/two.nir")
        ...     sorted(nir.read(f"{folder}/two.nir").nodes)
        ['if', 'input', 'linear', 'output']
    """
    raw = raw_from_graph(graph)
    shapes = _shapes(graph)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=_LAYOUT) as file:
        version = _WITH_RESET if _resets(raw) else _WITHOUT_RESET
        file.create_dataset("version", data=version, dtype=h5py.string_dtype(), track_times=False)
        _write_graph(file.create_group("node"), raw, shapes, "")
    write_atomically(Path(path), buffer.getvalue())


def _shapes(graph: Any) -> Mapping[str, Node]:
    """Our nodes by name, for the shapes they know; none if the graph is not one we read."""
    try:
        return {node.name: node for node in read(graph).nodes}
    except CompileError:
        return {}


def _write_graph(group: h5py.Group, graph: RawGraph, shapes: Mapping[str, Node], prefix: str) -> None:
    _put(group, "type", GRAPH)
    nodes = group.create_group("nodes")
    for node in sorted(graph.nodes, key=lambda n: n.name):
        inner = nodes.create_group(node.name)
        if node.graph is not None:
            _write_graph(inner, node.graph, shapes, f"{prefix}{node.name}.")
        else:
            _put(inner, "type", node.type)
            for name, value in sorted(_fields(node, shapes.get(prefix + node.name)).items()):
                _put(inner, name, value)
        if node.metadata:
            _write_tree(inner.create_group("metadata"), node.metadata)
    edges = np.array(sorted(graph.edges), dtype=object).reshape(-1, 2)
    group.create_dataset("edges", data=edges, dtype=h5py.string_dtype(), track_times=False)


def _fields(node: RawNode, ours: Node | None) -> dict[str, Any]:
    fields = {k: v for k, v in node.fields.items() if v is not None}
    if node.type == "IF" and _own_reset(node) == "subtract":
        fields.pop("v_reset", None)
    if ours is not None and node.type == "Conv2d":
        fields.setdefault("input_shape", np.array(ours.input_shape[1:]))
    if isinstance(ours, Flatten):
        fields.setdefault("input_type", np.array(ours.input_shape))
    return fields


def _resets(graph: RawGraph) -> bool:
    """Will some node be written with `v_reset`?"""
    inner = [n.graph for n in graph.nodes if n.graph is not None]
    return any("v_reset" in _fields(n, None) for n in graph.nodes) or any(_resets(g) for g in inner)


def _own_reset(node: RawNode) -> object:
    own = node.metadata.get("dynapcnn")
    return own.get("reset") if isinstance(own, Mapping) else None


def _write_tree(group: h5py.Group, tree: Mapping[str, Any]) -> None:
    for name, value in sorted(tree.items()):
        if isinstance(value, Mapping):
            _write_tree(group.create_group(name), value)
        else:
            _put(group, name, value)


def _put(group: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, str):
        group.create_dataset(name, data=value, dtype=h5py.string_dtype(), track_times=False)
        return
    array = np.asarray(value)
    # Scalar datasets cannot be compressed, and small ones only grow.
    packing = {"compression": "gzip", "shuffle": True} if array.size > 64 else {}
    group.create_dataset(name, data=array, track_times=False, **packing)
