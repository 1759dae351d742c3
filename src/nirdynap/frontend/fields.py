"""Reads the fields of one raw node. Problems are noted and a harmless stand-in is returned, so that all are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nirdynap.errors import BAD_PARAMETER, NOT_FINITE, SHAPE_MISMATCH, UNKNOWN_FIELD, Diagnostic, node_place
from nirdynap.frontend.raw import NEURONS, RawGraph, RawNode
from nirdynap.ir.convention import OF_A_NODE, Convention, check_choice
from nirdynap.ir.digest import frozen
from nirdynap.ir.units import FloatArray, Pair, Shape, shape_text

OUR_METADATA = "dynapcnn"
"""Under this key a node's metadata holds settings of a convention, by the names of its fields."""

_OF_A_NEURON = tuple(name for name in OF_A_NODE if name != "flatten")
_SETTINGS_OF = {**dict.fromkeys(NEURONS, _OF_A_NEURON), "Flatten": ("flatten",)}
_OF_A_GRAPH = ("convention", "framework", "framework_version", "proof", "chip", "digest", "cores", "scales")


@dataclass(slots=True)
class Fields:
    """A raw node being read; `findings` grows as its fields are asked for."""

    raw: RawNode
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where the node is in the user's graph."""
        return node_place(self.raw.name)

    def only(self, *known: str) -> None:
        """Note the fields that are not among `known`, and settings of ours that we do not know: they have no effect."""
        odd = set(self.raw.fields) - set(known)
        odd |= set(unknown_settings(self.raw.metadata, _SETTINGS_OF.get(self.raw.type, ())))
        self.findings += [UNKNOWN_FIELD.at(self.place, value=name) for name in sorted(odd)]

    def bad(self, parameter: str, value: object, limit: str) -> None:
        """Note that a parameter is not what is needed."""
        self.findings.append(BAD_PARAMETER.at(self.place, parameter=parameter, value=str(value), limit=limit))

    def numbers(
        self, name: str, ndim: int | None = None, needed: bool = True, infinite: bool = False
    ) -> FloatArray | None:
        """Field `name` as float64; leading axes of length 1 beyond `ndim` are stripped; `infinite` ones are allowed."""
        if name not in self.raw.fields:
            if needed:
                self.bad(name, "missing", "numbers")
            return None
        array = np.asarray(self.raw.fields[name])
        if array.dtype.kind not in "iufb" or array.size == 0:
            self.bad(name, f"{array.dtype} of shape {array.shape}", "numbers")
            return None
        while ndim is not None and array.ndim > ndim and array.shape[0] == 1:
            array = array[0]
        if ndim is not None and array.ndim != ndim:
            self.bad(name, f"of shape {array.shape}", f"{ndim} axes")
            return None
        array = array.astype(np.float64)
        wrong = int((np.isnan(array) if infinite else ~np.isfinite(array)).sum())
        if wrong:
            self.findings.append(NOT_FINITE.at(self.place, parameter=name, value=wrong))
            return None
        return frozen(array, np.float64)

    def pair(self, name: str, default: int | None = None, least: int = 0) -> Pair:
        """Field `name` as (y, x) whole numbers; a scalar stands for both."""
        value = self.raw.fields.get(name, default)
        if value is None:
            self.bad(name, "missing", "one or two whole numbers")
            return (1, 1)
        array = np.atleast_1d(np.asarray(value))
        if array.size not in (1, 2) or not whole(array) or array.min() < least:
            self.bad(name, value, f"one or two whole numbers from {least} up")
            return (1, 1)
        flat = [int(v) for v in array.ravel()]
        return (flat[0], flat[-1])

    def integer(self, name: str, default: int) -> int:
        """Field `name` as one whole number."""
        array = np.asarray(self.raw.fields.get(name, default))
        if array.size != 1 or not whole(array):
            self.bad(name, self.raw.fields.get(name), "one whole number")
            return default
        return int(array.item())

    def choice(self, name: str) -> Any:
        """The node's own setting of a convention's field, from its metadata under `dynapcnn`; None if it has none."""
        value = own_settings(self.raw).get(name)
        if value is None:
            return None
        if isinstance(value, (np.generic, np.ndarray)):
            value = value.item() if value.size == 1 else str(value)
        value = value.decode(errors="replace") if isinstance(value, bytes) else value
        finding = check_choice(name, value, self.place)
        if finding:
            self.findings.append(finding)
            return None
        return value

    def setting(self, name: str, convention: Convention, given: frozenset[str]) -> Any:
        """What holds for this node: the call's own word, else the node's metadata, else the convention."""
        own = self.choice(name)
        return getattr(convention, name) if own is None or name in given else own

    def assumed(self, name: str, given: frozenset[str]) -> bool:
        """Is the setting the convention's, because neither the call nor the node says it?"""
        return name not in given and name not in own_settings(self.raw)


def own_settings(node: RawNode | RawGraph) -> Mapping[str, Any]:
    """What the own metadata of a node or graph say in our words; nothing if that is no mapping."""
    own = node.metadata.get(OUR_METADATA)
    return own if isinstance(own, Mapping) else {}


def unknown_settings(metadata: Mapping[str, Any], known: tuple[str, ...] = _OF_A_GRAPH) -> tuple[str, ...]:
    """Names of what metadata of ours hold and nobody reads, so that a misspelt setting does not pass for one."""
    own = metadata.get(OUR_METADATA, {})
    if not isinstance(own, Mapping):
        return (OUR_METADATA,)
    return tuple(f"{OUR_METADATA}.{key}" for key in own if key not in known)


def declared_shape(value: Any) -> tuple[int, ...] | None:
    """A shape as a file or graph declares it; None when it is missing, symbolic or not of positive whole numbers."""
    if value is None:
        return None
    try:
        array = np.ravel(np.asarray(value))
    except ValueError:  # ragged
        return None
    if array.size == 0 or not whole(array) or array.min() < 1:
        return None
    return tuple(int(v) for v in array)


def whole(array: npt.NDArray[Any]) -> bool:
    """Are all of these whole numbers that a size can be?"""
    return array.dtype.kind in "iuf" and bool((np.isfinite(array) & (array == np.floor(array))).all())


def spread(array: FloatArray, shape: Shape) -> FloatArray | None:
    """A neuron parameter of shape (), (1,), (C,), (C, 1, 1) or (C, H, W), spread to `shape`; None if it does not fit.

    Leading axes of length 1 (a batch axis left in the file) are ignored, but not where they could be those of a map.
    """
    while True:
        if array.size == 1:
            return frozen(np.full(shape, array.flat[0]), np.float64)
        if array.ndim == 1 and array.shape[0] == shape[0]:
            return frozen(np.broadcast_to(array[:, None, None], shape), np.float64)
        if array.ndim == 3 and array.shape in (shape, (shape[0], 1, 1)):
            return frozen(np.broadcast_to(array, shape), np.float64)
        if array.shape[0] != 1 or _along_rows(array.shape, shape):
            return None
        array = array[0]


def _along_rows(found: tuple[int, ...], shape: Shape) -> bool:
    """Would numpy and torch repeat an array of that shape along the rows or columns of a map?"""
    axes = zip(reversed(found), reversed(shape), strict=False)
    return 1 < len(found) <= 3 and all(have in (1, want) for have, want in axes)


def misfit(place: str, parameter: str, found: tuple[int, ...], shape: Shape) -> Diagnostic:
    """A parameter whose shape cannot be spread to (C, H, W)."""
    limit = f"a scalar, {shape[0]} channels or {shape_text(shape)}"
    return SHAPE_MISMATCH.at(place, parameter=parameter, value=shape_text(found) or "a scalar", limit=limit)
