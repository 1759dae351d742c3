"""Decimators: of the spikes of a core only each Nth passes on (docs/semantics.md, section Event run)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from nirdynap.chips.chip import Chip
from nirdynap.errors import BAD_OPTION, DECIMATION, DECIMATOR_SPLIT, Diagnostic, in_words, node_place
from nirdynap.ir.layers import AnyLayer, Layer
from nirdynap.ir.units import is_positive
from nirdynap.lower.arrange import Plan

Decimator = Mapping[str, int]
"""By node name N: each Nth spike of its layer passes."""

EVERY_SPIKE: Decimator = MappingProxyType({})


def decimated(
    layers: tuple[Layer, ...], chip: Chip, decimator: Decimator
) -> tuple[tuple[Layer, ...], tuple[Diagnostic, ...]]:
    """The layers with their decimators; ND126 for what means nothing, ND330 for what no core can do."""
    number = {name: i for i, layer in enumerate(layers) for name in (*layer.origin, layer.name)}
    asked: dict[int, int] = {}
    findings: list[Diagnostic] = []
    wish: object = decimator
    if not isinstance(wish, Mapping):
        findings.append(_bad("decimator", wish, "whole numbers by node name, such as {'conv1': 2}"))
        return layers, tuple(findings)
    for name, every in wish.items():
        if name not in number:
            findings.append(_bad("decimator", name, f"one of the nodes {', '.join(sorted(number))}"))
        elif not is_positive(every) or asked.setdefault(number[name], every) != every:
            findings.append(_bad(f"decimator[{name!r}]", every, "one positive whole number for each layer"))
        else:
            findings += decimation_findings(name, every, chip)
    done = tuple(dataclasses.replace(layer, decimator=asked.get(i, 1)) for i, layer in enumerate(layers))
    return done, tuple(findings)


def decimation_findings(name: str, every: int, chip: Chip) -> Iterator[Diagnostic]:
    """ND330 if no core of the chip can pass each such spike of node `name`."""
    if every not in (1, *chip.decimations):
        limit = ", ".join(map(str, chip.decimations)) or "none"
        remedy = "one of these, or 1 for all spikes" if chip.decimations else "1, for all spikes, or another chip"
        yield DECIMATION.at(node_place(name), value=every, limit=limit, chip=chip.name, remedy=remedy)


def split_findings(layers: tuple[AnyLayer, ...], plan: Plan | None) -> Iterator[Diagnostic]:
    """ND331 for each decimated layer that is split: a copy hears the same spikes and counts alike, a part does not."""
    for layer, copies in zip(layers, plan or (), strict=plan is not None):
        parts = len(copies[0].channels)
        if layer.decimator != 1 and parts > 1:
            yield DECIMATOR_SPLIT.at(node_place(layer.name), value=parts)


def _bad(option: str, value: object, limit: str) -> Diagnostic:
    return BAD_OPTION.at("$.decimator", parameter=option, value=in_words(value), limit=limit)
