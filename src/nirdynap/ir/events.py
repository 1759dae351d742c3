"""Events: spikes with an address and a time stamp in integer microseconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nirdynap.errors import (
    BAD_EVENT_ARRAY,
    BAD_RASTER,
    BAD_RUN_OPTION,
    EVENT_OUTSIDE,
    NEGATIVE_EVENTS,
    TOO_MANY_STEPS,
    UNSORTED_EVENTS,
    InputError,
)
from nirdynap.ir.digest import Digested, frozen
from nirdynap.ir.units import DEFAULT_DT_US, MOST_STEPS, IntArray, Shape, is_positive

_STRUCTURE = np.dtype([("x", "<i4"), ("y", "<i4"), ("t", "<i8"), ("p", "<i4")])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Events(Digested):
    """A list of spikes, sorted by time; equal stamps keep their order.

    Attributes:
        t: int64 [n], microseconds from the origin of the recording, >= 0.
        c, y, x: int32 [n], channel, row and column.

    Raises:
        InputError: ND501 unsorted, ND502 negative, ND505 arrays that do not match.
    """

    t: IntArray
    c: IntArray
    y: IntArray
    x: IntArray

    def __post_init__(self) -> None:
        arrays = {name: np.asarray(getattr(self, name)) for name in ("t", "c", "y", "x")}
        if len({a.shape for a in arrays.values()}) != 1 or arrays["t"].ndim != 1:
            shapes = ", ".join(f"{k} {v.shape}" for k, v in arrays.items())
            raise InputError([BAD_EVENT_ARRAY.at("$.events", value=f"arrays have shapes {shapes}")])
        for name, array in arrays.items():
            dtype = np.int64 if name == "t" else np.int32
            if problem := _not_whole(array, np.iinfo(dtype).max):
                raise InputError([BAD_EVENT_ARRAY.at("$.events", value=f"{name} {problem}")])
            if array.size and array.min() < 0:
                first = int(np.argmax(array < 0))
                raise InputError([NEGATIVE_EVENTS.at("$.events", parameter=name, value=first)])
            object.__setattr__(self, name, frozen(array, dtype))
        backwards = np.diff(self.t) < 0
        if backwards.any():
            raise InputError([UNSORTED_EVENTS.at("$.events", value=int(np.argmax(backwards)) + 1)])

    def __repr__(self) -> str:
        span = f", {self.t[0]} to {self.t[-1]} us" if len(self) else ""
        return f"Events({len(self)} events{span})"

    def __len__(self) -> int:
        return len(self.t)

    def check_inside(self, shape: Shape) -> None:
        """Raise InputError ND503 if an event lies outside (C, H, W)."""
        addresses = (self.c, self.y, self.x)
        if any(a.max(initial=-1) >= size for a, size in zip(addresses, shape, strict=True)):
            outside = (self.c >= shape[0]) | (self.y >= shape[1]) | (self.x >= shape[2])
            i = int(np.argmax(outside))
            where = (int(self.c[i]), int(self.y[i]), int(self.x[i]))
            raise InputError([EVENT_OUTSIDE.at("$.events", value=i, where=where, limit=str(shape))])

    @classmethod
    def from_raster(cls, raster: npt.ArrayLike, *, dt_us: int = DEFAULT_DT_US) -> Events:
        """Events of one sample: by step, then channel, y, x; a count of n is n equal events at ``step * dt_us``.

        Args:
            raster: non-negative whole counts [time, channel, y, x].
            dt_us: length of a time step in microseconds.
        """
        array = whole_counts(raster)
        if array.ndim != 4:
            finding = BAD_RASTER.at("$.raster", value=f"shape is {array.shape}, not [time, channel, y, x]")
            one = "the counts of one sample: of [time, batch, channel, y, x] raster[:, sample]"
            raise InputError([replace(finding, hint=one)])
        _check_dt(dt_us)
        address = np.argwhere(array)
        address = np.repeat(address, array[tuple(address.T)], axis=0)
        step, c, y, x = address.T
        return cls(t=step.astype(np.int64) * dt_us, c=c, y=y, x=x)

    def to_raster(self, shape: Shape, *, dt_us: int = DEFAULT_DT_US, duration_us: int | None = None) -> IntArray:
        """Counts int32 [time, channel, y, x]: bin ``t // dt_us`` from the origin t = 0, counts add up.

        Args:
            shape: (C, H, W) of the raster.
            dt_us: length of a time step in microseconds.
            duration_us: length of the recording; default: up to the last event's bin.

        Raises:
            InputError: ND503 for an event outside `shape`, ND507 for one at or after `duration_us`.
        """
        _check_dt(dt_us)
        self.check_inside(shape)
        last = int(self.t[-1]) if len(self) else -1
        if duration_us is not None and last >= duration_us:
            limit = f"at least {last + 1}, behind the last event"
            raise InputError([BAD_RUN_OPTION.at("$.events", parameter="duration_us", value=duration_us, limit=limit)])
        steps = last // dt_us + 1 if duration_us is None else -(-duration_us // dt_us)
        check_steps(steps, self.t)
        raster = np.zeros((steps, *shape), dtype=np.int32)
        np.add.at(raster, (self.t // dt_us, self.c, self.y, self.x), 1)
        return raster

    def __getitem__(self, which: slice | IntArray) -> Events:
        """The events of a slice, or of a mask or an ascending list of indices."""
        return Events(t=self.t[which], c=self.c[which], y=self.y[which], x=self.x[which])

    @classmethod
    def from_structured(cls, array: npt.NDArray[np.void]) -> Events:
        """Events of a structured array with fields x, y, t (microseconds) and p; polarity p is channel p."""
        array = np.asarray(array)
        names = array.dtype.names or ()
        missing = [n for n in ("x", "y", "t", "p") if n not in names]
        if missing:
            raise InputError([BAD_EVENT_ARRAY.at("$.events", value=f"fields {', '.join(missing)} are missing")])
        return cls(t=array["t"], c=array["p"].astype(np.int32), y=array["y"], x=array["x"])

    def to_structured(self) -> npt.NDArray[np.void]:
        """A structured array with fields x, y, t (microseconds) and p (channel)."""
        array = np.empty(len(self), dtype=_STRUCTURE)
        array["x"], array["y"], array["t"], array["p"] = self.x, self.y, self.t, self.c
        return array


def check_steps(steps: int, t: IntArray) -> None:
    """Raise InputError ND512 if nobody records so many time steps; `t` are the times of the events."""
    if steps > MOST_STEPS:
        first = int(t[0]) if len(t) else 0
        raise InputError([TOO_MANY_STEPS.at("$.events", value=steps, limit=MOST_STEPS, first=first)])


def whole_counts(raster: npt.ArrayLike) -> IntArray:
    """`raster` as int64 counts.

    Raises:
        InputError: ND504 for negative, fractional, infinite or non-numeric entries, and for ragged lists.
    """
    try:
        array = np.asarray(raster)
    except ValueError:
        raise InputError([BAD_RASTER.at("$.raster", value="parts of a list differ in shape")]) from None
    except (TypeError, RuntimeError) as error:  # what torch says of a tensor on a device, or with gradients
        raise InputError([BAD_RASTER.at("$.raster", value=str(error))]) from None
    if problem := _not_whole(array, np.iinfo(np.int64).max):
        raise InputError([BAD_RASTER.at("$.raster", value=f"the raster {problem}")])
    if array.size and array.min() < 0:
        raise InputError([BAD_RASTER.at("$.raster", value=f"smallest count is {array.min()}")])
    return array.astype(np.int64)


def _not_whole(array: npt.NDArray[Any], largest: int) -> str | None:
    """What keeps `array` from being whole numbers up to `largest`, or None."""
    if array.size == 0:
        return None
    if array.dtype.kind not in "iufb":
        return f"is {array.dtype}, not numbers"
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.floor(array)).all()):
        return f"is {array.dtype}, not whole numbers"
    return f"holds {array.max()}, limit {largest}" if int(array.max()) > largest else None


def _check_dt(dt_us: int) -> None:
    if not is_positive(dt_us):
        limit = "a positive whole number of microseconds"
        raise InputError([BAD_RUN_OPTION.at("$.dt_us", parameter="dt_us", value=str(dt_us), limit=limit)])
