"""Equality of results, with the first difference in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from nirdynap.ir.events import Events
from nirdynap.ir.result import Result
from nirdynap.ir.units import IntArray

_K = TypeVar("_K")
_AXES = {4: "(sample, c, y, x)", 5: "(step, sample, c, y, x)"}


def assert_same_result(actual: Result, expected: Result) -> None:
    """Fail where two results of the same run differ in a value, an order, a key or a dtype; in spikes first."""
    for name in ("semantics", "dt_us"):
        _demand_equal(getattr(actual, name), getattr(expected, name), name)
    same_arrays(actual.rasters, expected.rasters, "rasters", strict=True)
    same_events(actual.spikes, expected.spikes, "spikes")
    for name in ("membranes", "counts", "output_rasters"):
        same_arrays(getattr(actual, name), getattr(expected, name), name, strict=True)
    same_events(actual.output_events, expected.output_events, "output_events")
    _demand_equal(dict(actual.stats), dict(expected.stats), "stats")
    _demand_equal(actual.dvs_dropped, expected.dvs_dropped, "dvs_dropped")
    _demand_equal(_moments(actual), _moments(expected), "ticks")


def _moments(result: Result) -> list[list[int]] | None:
    return None if result.ticks is None else [moments.tolist() for moments in result.ticks]


def same_arrays(
    actual: Mapping[_K, IntArray], expected: Mapping[_K, IntArray], name: str, *, strict: bool = False
) -> None:
    """Fail where arrays under one key differ in shape or a value, or if `strict` in their dtype."""
    _demand_equal(actual.keys(), expected.keys(), f"keys of {name}")
    for key, array in expected.items():
        place = f"{name}[{key!r}]"
        _demand_equal(actual[key].shape, array.shape, f"shape of {place}")
        if strict:
            _demand_equal(actual[key].dtype, array.dtype, f"dtype of {place}")
        unequal = actual[key] != array
        if unequal.any():
            at = tuple(np.argwhere(unequal)[0].tolist())
            where = f"{place} at {_AXES.get(array.ndim, 'index')} = {at}"
            more = f" ({int(unequal.sum())} of {array.size} numbers differ)"
            raise AssertionError(f"{where} is {actual[key][at]}, expected {array[at]}{more}")


def same_events(actual: Mapping[_K, Sequence[Events]], expected: Mapping[_K, Sequence[Events]], name: str) -> None:
    """Fail where event lists under one key differ in an event or its place in the list."""
    _demand_equal(actual.keys(), expected.keys(), f"keys of {name}")
    for key, samples in expected.items():
        _demand_equal(len(actual[key]), len(samples), f"number of samples of {name}[{key!r}]")
        for sample, (a, e) in enumerate(zip(actual[key], samples, strict=True)):
            if a != e:
                raise AssertionError(f"{name}[{key!r}] of sample {sample}: {_first(a, e)}")


def _first(actual: Events, expected: Events) -> str:
    here, there = (np.stack([e.t, e.c, e.y, e.x], axis=1) for e in (actual, expected))
    both = min(len(here), len(there))
    unequal = (here[:both] != there[:both]).any(axis=1)
    first = int(np.argmax(unequal)) if unequal.any() else both
    found, due = (str(tuple(e[first].tolist())) if first < len(e) else "none" for e in (here, there))
    return f"event {first} (t, c, y, x) is {found}, expected {due} ({len(here)} events, expected {len(there)})"


def _demand_equal(actual: object, expected: object, name: str) -> None:
    if actual != expected:
        raise AssertionError(f"{name}: {actual}, expected {expected}")
