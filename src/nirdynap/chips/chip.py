"""Chips as data: one TOML file for each, every fact with its source (docs/hardware.md)."""

from __future__ import annotations

import difflib
import functools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nirdynap.errors import BAD_CHIP_FILE, UNKNOWN_CHIP, CompileError
from nirdynap.ir.spec import Memory
from nirdynap.ir.units import Pair
from nirdynap.schema import validate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HOME = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one core can do. Sizes hold for both axes, which are independent except for kernel and pooling.

    Attributes:
        kernel_size: largest side of the square kernel.
        strides, poolings: the legal values, ascending.
        padding: largest, on each side.
        input_map, output_map: largest side in pixels; the output is before pooling.
        features: most input features, and most output features.
        destinations: most cores that one core sends its spikes to.
        feature_shift: largest number that a destination adds to the feature.
    """

    kernel_size: int
    strides: tuple[int, ...]
    padding: int
    poolings: tuple[int, ...]
    input_map: int
    output_map: int
    features: int
    destinations: int
    feature_shift: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """The event camera on a chip and the DVS layer behind it.

    Attributes:
        size: (y, x) in pixels.
        poolings: legal sides of the pooling window, ascending; both axes are independent.
        destinations: most cores that its events go to.
    """

    size: Pair
    poolings: tuple[int, ...]
    destinations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockLimits:
    """The slow clock of a chip.

    Attributes:
        hz: least and most ticks per second of a clock outside.
        dividers: the chip's own clock ticks once for 2 to the power of one of these events of the camera.
    """

    hz: tuple[int, int]
    dividers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadoutLimits:
    """The readout block of a chip.

    Attributes:
        layer: its number as a destination of a core.
        classes: counters; the first one is class 1.
        spacing: class r counts the core feature ``spacing * (r - 1)``.
        averages: ticks over which it can average.
        addressing: setting of ``readout_configuration_sel`` for outputs of one pixel.
    """

    layer: int
    classes: int
    spacing: int
    averages: tuple[int, ...]
    addressing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the fact at `path` (such as ``limits.strides``) comes from.

    `status` is "documented" by the vendor, "inferred" from the vendor's code, "reported" by a third party, or "chosen"
    by this project where nothing public says it.
    """

    path: str
    status: Literal["documented", "inferred", "reported", "chosen"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """What a compiler must know of a chip.

    Attributes:
        name: as given to ``chip=``; description: one line.
        devices: names that sinabs gives to boards with this chip.
        cores: words of kernel, neuron and bias memory, by hardware core index.
        parallel: cores that do several synaptic operations at a time.
        limits: what each core can do.
        camera: None where there is none, or where its size is not public.
        sources: one for each fact.
        operations_per_s: most synaptic operations in a second, by hardware core index; empty where nobody states them.
            No program is refused over them.
        decimations: a core's decimator can pass one of so many spikes, by the value of its setting; empty where there
            is none.
        clock: None where nothing public says what the slow clock can do.
        readout: None where there is no readout block.
    """

    name: str
    description: str
    devices: tuple[str, ...]
    cores: tuple[Memory, ...]
    parallel: tuple[int, ...]
    limits: Limits
    camera: Camera | None
    sources: tuple[Source, ...]
    operations_per_s: tuple[int, ...] = ()
    decimations: tuple[int, ...] = ()
    clock: ClockLimits | None = None
    readout: ReadoutLimits | None = None


def chip_names() -> tuple[str, ...]:
    """Names of the chips that come with nirdynap, sorted."""
    return tuple(_shipped_chips())


def load_chip(chip: str | Path | Chip) -> Chip:
    """The chip of that name.

    Args:
        chip: a name out of `chip_names`, a sinabs device name such as ``speck2fdevkit`` (an index as in
            ``speck2fdevkit:0`` is ignored), the path of a chip file (.toml), or a Chip, which is returned as it is.

    Raises:
        CompileError: ND324 for an unknown name; ND325 for each fault of a chip file.
    """
    if isinstance(chip, Chip):
        return chip
    if isinstance(chip, Path) or str(chip).endswith(".toml"):
        return _read_chip_file(Path(chip))
    chip = str(chip)
    device = re.fullmatch(r"(?P<name>\w+)(:\d+)?", chip.lower())
    for known in _shipped_chips().values():
        if device and device["name"] in (known.name, *known.devices):
            return known
    names = [name for known in _shipped_chips().values() for name in (known.name, *known.devices)]
    near = difflib.get_close_matches(chip.lower(), names, n=1)
    hint = f"{near[0]}, if that was meant; else " if near else ""
    raise CompileError([UNKNOWN_CHIP.at("$.chip", value=chip, limit=", ".join(chip_names()), near=hint)])


@functools.cache
def _shipped_chips() -> Mapping[str, Chip]:
    # Not validated here: the tests do that, and loading the validator would double the time of a small check.
    chips = (_chip_of(tomllib.loads(f.read_text(encoding="utf-8"))) for f in sorted(_HOME.glob("*.toml")))
    return {chip.name: chip for chip in chips}


def _read_chip_file(path: Path) -> Chip:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CompileError([BAD_CHIP_FILE.at(str(path), value=f"cannot be read: {reason}")]) from None
    violations = validate(document, "chip-v1")
    if violations:
        raise CompileError([BAD_CHIP_FILE.at(f"{path}: {v.path}", value=v.message) for v in violations])
    return _chip_of(document)


def _chip_of(document: dict[str, Any]) -> Chip:
    limits = document["limits"]
    camera, clock, readout = document.get("camera"), document.get("clock"), document.get("readout")
    return Chip(
        name=document["name"],
        description=document["description"],
        devices=tuple(document["devices"]),
        cores=tuple(Memory(**core) for core in document["cores"]),
        parallel=tuple(document.get("parallel", ())),
        limits=Limits(
            **{
                **limits,
                "strides": tuple(sorted(limits["strides"])),
                "poolings": tuple(sorted(limits["poolings"])),
            }
        ),
        camera=None
        if camera is None
        else Camera(
            size=tuple(camera["size"]),
            poolings=tuple(sorted(camera["poolings"])),
            destinations=camera["destinations"],
        ),
        sources=tuple(Source(**source) for source in document["sources"]),
        operations_per_s=tuple(document.get("operations_per_s", ())),
        decimations=tuple(document.get("decimations", ())),
        clock=None if clock is None else ClockLimits(hz=tuple(clock["hz"]), dividers=tuple(clock["dividers"])),
        readout=None if readout is None else ReadoutLimits(**{**readout, "averages": tuple(readout["averages"])}),
    )
