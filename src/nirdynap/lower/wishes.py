"""What the caller asks of splitting and placement, brought to layers and cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from nirdynap.chips.chip import Chip
from nirdynap.errors import BAD_OPTION, Diagnostic, in_words
from nirdynap.ir.layers import AnyLayer
from nirdynap.ir.units import is_positive

Split = Literal["auto", "never"] | Mapping[str, int]
"""Layers are split where that is needed, never, or those named into so many parts."""

Pins = Mapping[str, int | tuple[int, ...]]
"""By node name, its core; of a layer that is split the core of each part, lower channels first."""

ANYWHERE: Pins = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """For each layer, by number.

    Attributes:
        parts: into how many it is split; None leaves it open.
        pins: the core of each of its parts; None leaves them open.
        cores: hardware cores that may be used.
    """

    parts: tuple[int | None, ...]
    pins: tuple[tuple[int, ...] | None, ...]
    cores: tuple[int, ...]


def wishes_of(
    layers: tuple[AnyLayer, ...], chip: Chip, split: Split, placement: Pins, avoid: Iterable[int]
) -> tuple[Wishes, tuple[Diagnostic, ...]]:
    """The wishes, and ND126 for each that cannot be meant; such a wish is left out."""
    number = {name: i for i, layer in enumerate(layers) for name in (*layer.origin, layer.name)}
    findings: list[Diagnostic] = []
    asked: Any = placement
    if not isinstance(asked, Mapping):
        findings.append(_bad("placement", asked, "cores by node name, such as {'conv1': 3}"))
        asked = ANYWHERE
    shunned: Any = avoid
    if not isinstance(shunned, Iterable):
        findings.append(_bad("avoid", shunned, "cores in a list or set, such as [3]"))
        shunned = ()
    avoided = {core for core in shunned if not _bad_cores("avoid", (core,), chip, set(), findings)}
    pins: dict[int, tuple[int, ...]] = {}
    taken = set(avoided)
    for name, wish in asked.items():
        cores = wish if isinstance(wish, tuple) else (wish,)
        if _known("placement", name, number, findings) and not _bad_cores(name, cores, chip, taken, findings):
            pins[number[name]] = cores
            taken |= set(cores)
    parts = dict(_parts(layers, split, number, findings))
    for i, cores in pins.items():
        if parts.setdefault(i, len(cores)) != len(cores):
            limit = f"{parts[i]} cores, as split says"
            findings.append(_bad(f"placement[{layers[i].name!r}]", cores, limit))
    everyone = range(len(layers))
    wishes = Wishes(
        parts=tuple(parts.get(i) for i in everyone),
        pins=tuple(pins.get(i) for i in everyone),
        cores=tuple(i for i in range(len(chip.cores)) if i not in avoided),
    )
    return wishes, tuple(findings)


def _parts(
    layers: tuple[AnyLayer, ...], split: Any, number: Mapping[str, int], findings: list[Diagnostic]
) -> Iterator[tuple[int, int]]:
    """What `split` says of the number of parts of each layer, if anything."""
    if split == "auto":
        return
    if split != "never" and not isinstance(split, Mapping):
        findings.append(_bad("split", split, "auto, never, or the number of parts by node name"))
        return
    yield from ((i, 1) for i in range(len(layers)))
    for name, parts in split.items() if isinstance(split, Mapping) else ():
        if not _known("split", name, number, findings):
            continue
        most = layers[number[name]].neuron_shape[0]
        if is_positive(parts) and parts <= most:
            yield number[name], parts
        else:
            findings.append(_bad(f"split[{name!r}]", parts, f"1 to {most} parts, of a channel at least"))


def _known(option: str, name: str, number: Mapping[str, int], findings: list[Diagnostic]) -> bool:
    if name not in number:
        findings.append(_bad(option, name, f"one of the nodes {', '.join(sorted(number))}"))
    return name in number


def _bad_cores(name: str, cores: tuple[Any, ...], chip: Chip, taken: set[int], findings: list[Diagnostic]) -> bool:
    """Are they anything else than different cores of the chip that are still free?"""
    known = all(isinstance(c, int) and not isinstance(c, bool) and 0 <= c < len(chip.cores) for c in cores)
    if known and len(set(cores)) == len(cores) > 0 and not taken & set(cores):
        return False
    option = name if name == "avoid" else f"placement[{name!r}]"
    limit = f"different cores out of 0 to {len(chip.cores) - 1}"
    if known and (busy := taken & set(cores)):
        limit = f"cores that are free: {', '.join(map(str, sorted(busy)))} is taken by another layer or avoided"
    findings.append(_bad(option, cores[0] if len(cores) == 1 else cores, limit))
    return True


def _bad(option: str, value: object, limit: str) -> Diagnostic:
    return BAD_OPTION.at(f"$.{option.partition('[')[0]}", parameter=option, value=in_words(value), limit=limit)
