"""nirdynap chips: what the chips can hold, and where that is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from nirdynap.cli.answer import Answer, plain
from nirdynap.cli.screen import table

if TYPE_CHECKING:
    from nirdynap.chips.chip import Chip

Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="One chip in detail: its name, that of a board, or a chip file (.toml)."),
]


def chips(name: Name = None) -> Answer:
    """The chips that nirdynap knows; with a NAME its cores, its limits, and the source of each fact."""
    from nirdynap.chips.chip import chip_names, load_chip

    shown = [load_chip(known) for known in ([name] if name else chip_names())]
    tables = _details(shown[0]) if name else _overview(shown)
    return Answer(body={"chips": plain(shown)}, tables=tuple(tables))


def _overview(chips: Sequence[Chip]) -> Iterator[RenderableType]:
    yield table(
        [
            "chip",
            "description ...",
            "cores #",
            "kernel words #",
            "neuron words #",
            "bias words #",
            "sinabs devices ...",
        ],
        [
            [
                chip.name,
                chip.description,
                len(chip.cores),
                *map(sum, zip(*chip.cores, strict=True)),
                ", ".join(chip.devices),
            ]
            for chip in chips
        ],
    )


def _details(chip: Chip) -> Iterator[RenderableType]:
    yield f"{chip.name}: {chip.description}"
    yield f"sinabs devices: {', '.join(chip.devices) or 'none'}"
    yield table(
        ["core #", "kernel #", "neuron #", "bias #"],
        [[index, *memory] for index, memory in enumerate(chip.cores)],
        title="Memory in words",
    )
    if chip.operations_per_s:
        yield table(
            ["core #", "millions #"],
            [[core, f"{number / 1e6:g}"] for core, number in enumerate(chip.operations_per_s)],
            title="Synaptic operations per second",
        )
    limits = {**plain(chip.limits), "decimations": plain(chip.decimations)}
    yield table(
        ["limit of a core", "value"],
        [[name.replace("_", " "), _listed(value)] for name, value in limits.items()],
    )
    if chip.clock is not None:
        yield table(
            ["slow clock", "value"],
            [
                ["ticks per second", "{} to {}".format(*chip.clock.hz)],
                ["camera events for a tick of its own", ", ".join(f"2**{n}" for n in chip.clock.dividers) or "none"],
            ],
        )
    if chip.readout is not None:
        yield table(
            ["readout block", "value"],
            [[name, _listed(value)] for name, value in plain(chip.readout).items()],
        )
    if chip.camera is not None:
        yield table(
            ["limit of the camera", "value"],
            [[name, _listed(value)] for name, value in plain(chip.camera).items()],
        )
    yield table(
        ["fact", "status", "source ..."],
        [[source.path, source.status, source.text] for source in chip.sources],
    )


def _listed(value: int | list[int]) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
