"""Reads the HDF5 file itself, not nir's opinion of it: no field is invented, no graph repaired, no traceback."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nirdynap.errors import NOT_A_NIR_FILE, UNREADABLE_FILE, CompileError, node_place
from nirdynap.frontend.raw import GRAPH, RawGraph, RawNode, natural

_LARGEST_FIELD = 1 << 30  # bytes; a chip holds under 300 kB of weights, so more is a damaged or hostile file


def read_hdf5(path: Path) -> RawGraph:
    """The graph in a `.nir` file.

    Raises:
        CompileError: ND101 when the file cannot be read, ND102 when it holds no NIR graph.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise CompileError([UNREADABLE_FILE.at(str(path), value=f"the file {what}")])
    if path.stat().st_size == 0:
        raise CompileError([UNREADABLE_FILE.at(str(path), value="the file is empty")])
    try:
        if not h5py.is_hdf5(path):
            raise CompileError([UNREADABLE_FILE.at(str(path), value="the file is not HDF5")])
        with h5py.File(path, "r") as file:
            if "manifest" in file and "node" not in file:
                raise CompileError([NOT_A_NIR_FILE.at(str(path), value="this is a spec, which nirdynap.load reads")])
            root = _group(file, "node", str(path))
            version = _field(file, "version", str(path)) if "version" in file else None
            graph = _graph(root, "$")
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CompileError([UNREADABLE_FILE.at(str(path), value=f"HDF5 says: {reason}")]) from None
    return dataclasses.replace(graph, version=None if version is None else str(version))


def _graph(group: h5py.Group, place: str) -> RawGraph:
    if _text(group, "type", place) != GRAPH:
        raise CompileError([NOT_A_NIR_FILE.at(place, value="the root node is not a NIRGraph")])
    holder = _group(group, "nodes", place) if "nodes" in group else None
    names = sorted(holder, key=natural) if holder is not None else []
    nodes = tuple(_node(name, _group(holder, name, node_place(name))) for name in names)
    pairs = np.asarray(_field(group, "edges", place)) if "edges" in group else np.empty((0, 2))
    if pairs.size and (pairs.ndim != 2 or pairs.shape[1] != 2):
        raise CompileError([NOT_A_NIR_FILE.at(f"{place}.edges", value="edges are not pairs of node names")])
    edges = tuple((str(_decoded(a)), str(_decoded(b))) for a, b in pairs.reshape(-1, 2))
    unknown = tuple(sorted(set(group) - {"type", "nodes", "edges", "metadata"}))
    metadata = _metadata(group, place)
    return RawGraph(nodes=nodes, edges=edges, version=None, from_file=True, unknown=unknown, metadata=metadata)


def _node(name: str, group: h5py.Group) -> RawNode:
    place = node_place(name)
    kind = _text(group, "type", place)
    metadata = _metadata(group, place)
    if kind == GRAPH:
        return RawNode(name=name, type=kind, fields={}, metadata=metadata, graph=_graph(group, place))
    fields = {key: _field(group, key, place) for key in group if key not in ("type", "metadata")}
    return RawNode(name=name, type=kind, fields=fields, metadata=metadata)


def _group(parent: h5py.Group, name: str, place: str) -> h5py.Group:
    # A link could lead to another file; only what lies in this one is read.
    if isinstance(parent.get(name, getlink=True), h5py.HardLink) and isinstance(parent[name], h5py.Group):
        return parent[name]
    raise CompileError([NOT_A_NIR_FILE.at(place, value=f"there is no group {name!r}")])


def _field(group: h5py.Group, name: str, place: str) -> Any:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink) or not isinstance(group[name], h5py.Dataset):
        raise CompileError([NOT_A_NIR_FILE.at(place, value=f"field {name!r} is not a dataset")])
    data = group[name]
    if data.size is None:
        raise CompileError([NOT_A_NIR_FILE.at(place, value=f"field {name!r} is empty")])
    if data.external or data.is_virtual:
        raise CompileError([NOT_A_NIR_FILE.at(place, value=f"field {name!r} lies in another file")])
    if data.size * data.dtype.itemsize > _LARGEST_FIELD:
        raise CompileError([NOT_A_NIR_FILE.at(place, value=f"field {name!r} claims {data.size} elements")])
    return _decoded(data[()])


def _text(group: h5py.Group, name: str, place: str) -> str:
    if name not in group:
        raise CompileError(
            [NOT_A_NIR_FILE.at(place, value=f"field {name!r} is missing: the file was not written to its end")]
        )
    return str(_field(group, name, place))


def _metadata(group: h5py.Group, place: str) -> Mapping[str, Any]:
    return _tree(_group(group, "metadata", place), place) if "metadata" in group else {}


def _tree(group: h5py.Group, place: str) -> Mapping[str, Any]:
    kinds = {key: group.get(key, getclass=True) for key in group}
    return {
        key: _tree(_group(group, key, place), place) if kind is h5py.Group else _field(group, key, place)
        for key, kind in kinds.items()
    }


def _decoded(value: Any) -> Any:
    return value.decode("utf-8") if isinstance(value, bytes) else value
