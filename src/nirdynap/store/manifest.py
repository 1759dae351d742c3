"""A spec as a plain document plus named arrays, and back: what both file formats share.

The document, called manifest, follows schemas/spec-v1. The arrays stay outside of it, so that each format can hold them
as suits it; the manifest declares the dtype and shape of each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from nirdynap.errors import (
    NOT_A_SPEC,
    OTHER_DOCUMENT,
    SPEC_DIGEST,
    SPEC_SCHEMA,
    SPEC_VERSION,
    Diagnostic,
    StoreError,
    raise_errors,
)
from nirdynap.ir.clock import ExternalClock, InternalClock, SlowClock
from nirdynap.ir.convention import Convention
from nirdynap.ir.digest import frozen
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.quantisation import Quantisation
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, Memory, OutputPort, Spec
from nirdynap.ir.units import IntArray
from nirdynap.lower.validate import validate as validate_spec
from nirdynap.schema import Violation, validate

SCHEMA = "spec-v1"
_OTHERS = {
    "samna-configuration-v1": "the configuration that export --to samna-json writes",
    "result-v1": "what a command prints with --json",
}
_ARRAY_FIELDS = ("weights", "bias", "initial_state")


class Declared(NamedTuple):
    """What the manifest says of one array."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def manifest_of(spec: Spec) -> dict[str, Any]:
    """The document of `spec`: every field but the content of the arrays.

    Raises:
        StoreError: ND602 and all of `nirdynap.validate`, for a spec that nobody could load again.
    """
    manifest = {"schema": SCHEMA, "digest": spec.digest(), **_plain(spec)}
    raise_errors(_faults(validate(manifest, SCHEMA), "spec"), StoreError)
    raise_errors(_broken_rules(spec, "spec"), StoreError)
    return manifest


def arrays_of(spec: Spec) -> dict[str, IntArray]:
    """The arrays of `spec` by name."""
    fields = ((core, field, getattr(core, field)) for core in spec.cores for field in _ARRAY_FIELDS)
    return {_array_name(core.core, field): array for core, field, array in fields if array is not None}


def check_manifest(document: object, place: str) -> dict[str, Any]:
    """`document` if it is a manifest of a version that can be read.

    Raises:
        StoreError: ND601 foreign, ND608 another document of nirdynap, ND604 another version, ND602 for each departure
            from the schema.
    """
    version = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(version, str):
        raise StoreError([NOT_A_SPEC.at(place, value="the document does not say which schema it follows")])
    # When there is a spec-v2, store/migrate.py turns older documents into it here, before they are validated.
    if version in _OTHERS:
        raise StoreError([OTHER_DOCUMENT.at(place, value=_OTHERS[version])])
    if version != SCHEMA:
        raise StoreError([SPEC_VERSION.at(place, value=version, limit=SCHEMA)])
    raise_errors(_faults(validate(document, SCHEMA), place), StoreError)
    return document


def collect_arrays(
    manifest: Mapping[str, Any], names: Collection[str], read: Callable[[Declared], IntArray], place: str
) -> dict[str, IntArray]:
    """All arrays that `manifest` declares.

    Args:
        names: arrays that the file holds.
        read: gives an array of exactly the declared dtype and shape, or raises ValueError with the reason.

    Raises:
        StoreError: ND602 for each array that is missing, not declared, or not as declared.
    """
    declared = {d.name: d for d in _declared_arrays(manifest)}
    faults = [Violation(f"$.arrays.{name}", "no core declares it") for name in sorted(set(names) - set(declared))]
    arrays = {}
    for name, declaration in declared.items():
        if name not in names:
            faults.append(Violation(f"$.arrays.{name}", "is missing"))
            continue
        try:
            arrays[name] = read(declaration)
        except ValueError as error:
            faults.append(Violation(f"$.arrays.{name}", str(error)))
    raise_errors(_faults(faults, place), StoreError)
    return arrays


def spec_of(manifest: Mapping[str, Any], arrays: Mapping[str, IntArray], place: str) -> Spec:
    """The spec of a checked manifest and its collected arrays.

    Raises:
        StoreError: everything that `nirdynap.validate` finds, ND603 when the digest is not that of the content.
    """
    spec = Spec(
        chip=manifest["chip"],
        convention=Convention(**manifest["convention"]),
        spikes_per_step=manifest["spikes_per_step"],
        input_shape=_shape(manifest["input_shape"]),
        inputs=tuple(InputPort(**port) for port in manifest["inputs"]),
        outputs=tuple(OutputPort(**port) for port in manifest["outputs"]),
        cores=tuple(_core_of(core, arrays) for core in manifest["cores"]),
        notes=tuple(Diagnostic(**note) for note in manifest["notes"]),
        dvs=_dvs_of(manifest["dvs"]),
        slow_clock=_clock_of(manifest["slow_clock"]),
        readout=None if manifest["readout"] is None else ReadoutOptions(**manifest["readout"]),
    )
    findings = _broken_rules(spec, place)
    if spec.digest() != manifest["digest"]:
        findings.append(SPEC_DIGEST.at(place, value=spec.digest(), limit=manifest["digest"]))
    raise_errors(findings, StoreError)
    return spec


def _broken_rules(spec: Spec, place: str) -> list[Diagnostic]:
    return [dataclasses.replace(d, place=f"{place}: {d.place}") for d in validate_spec(spec)]


def _dvs_of(layer: Mapping[str, Any] | None) -> DvsLayer | None:
    if layer is None:
        return None
    pairs = {field: tuple(layer[field]) for field in ("pooling", "origin", "size")}
    return DvsLayer(**{**layer, **pairs})


def _clock_of(clock: Mapping[str, int] | None) -> SlowClock | None:
    if clock is None:
        return None
    return ExternalClock(**clock) if "hz" in clock else InternalClock(**clock)


def _core_of(core: Mapping[str, Any], arrays: Mapping[str, IntArray]) -> CoreSpec:
    parts: dict[str, Any] = {
        **core,
        "origin": tuple(core["origin"]),
        "input_shape": _shape(core["input_shape"]),
        "neuron_shape": _shape(core["neuron_shape"]),
        "stride": tuple(core["stride"]),
        "padding": tuple(core["padding"]),
        "scale": float(core["scale"]),
        "destinations": tuple(Destination(**destination) for destination in core["destinations"]),
        "memory": Memory(**core["memory"]),
        "capacity": Memory(**core["capacity"]),
        "quantisation": None if core["quantisation"] is None else Quantisation(**core["quantisation"]),
    }
    for field in _ARRAY_FIELDS:
        array = arrays.get(_array_name(core["core"], field))
        parts[field] = None if array is None else frozen(array, array.dtype)
    return CoreSpec(**parts)


def _declared_arrays(manifest: Mapping[str, Any]) -> Iterable[Declared]:
    for core in manifest["cores"]:
        for field in _ARRAY_FIELDS:
            if core[field] is not None:
                name = _array_name(core["core"], field)
                yield Declared(name, np.dtype(core[field]["dtype"]), tuple(core[field]["shape"]))


def _array_name(core: int, field: str) -> str:
    return f"core{core}.{field}"


def _shape(sizes: list[int]) -> tuple[int, int, int]:
    c, y, x = sizes
    return (c, y, x)


def _plain(value: Any) -> Any:
    """`value` in dicts, lists, strings and numbers; of an array only its declaration."""
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "shape": list(value.shape)}
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    return value


def _faults(violations: Iterable[Violation], place: str) -> list[Diagnostic]:
    return [SPEC_SCHEMA.at(f"{place}: {v.path}", value=v.message) for v in violations]
