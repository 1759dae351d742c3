"""nirdynap check: does a network fit a chip, what stands against it, where does the memory go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType

from nirdynap.cli.answer import Answer, ExitCode, exit_code, plain
from nirdynap.cli.calibration import lowering_options
from nirdynap.cli.options import NirFile, OnChip
from nirdynap.cli.screen import ranges, reading_words, table
from nirdynap.cli.source import refuse_spec
from nirdynap.ir.units import shape_text

if TYPE_CHECKING:
    from nirdynap.ir.report import CoreRow, LayerRow, Report
    from nirdynap.ir.spec import Memory


def check(file: NirFile, lowering: OnChip) -> Answer:
    """Does the network fit the chip? Every problem at once, the memory of each layer, the map of the cores.

    Exit code 0: it fits. 1: it does not fit, or cannot be read as a network for this chip. 2: wrong options, or a file
    that cannot be read or is no NIR graph.
    """
    from nirdynap.compile import check as check_network

    refuse_spec(file)
    with lowering_options(lowering) as options:
        report = check_network(file, **options)
    if exit_code(report.diagnostics) is ExitCode.USAGE:  # nothing is known of the network
        return Answer(body=None, diagnostics=report.diagnostics)
    body = {name: part for name, part in plain(report).items() if name != "diagnostics"}
    tables = report_tables(str(file), report)
    return Answer(body=body, diagnostics=report.diagnostics, tables=tuple(tables))


def report_tables(name: str, report: Report) -> Iterator[RenderableType]:
    """The verdict, the memory table and the core map; of a network that could not be brought so far the verdict."""
    verdict = "fits" if report.fits else "does NOT fit"
    how = f"convention {report.convention}" if report.settings is None else reading_words(report.settings)
    yield f"{name} {verdict} {report.chip}, {how}"
    if not report.layers:
        return
    yield table(
        ["layer", "nodes ...", "input", "neurons", "kernel #", "neuron #", "bias #", "core #", "fits cores"],
        [_layer_cells(row) for row in report.layers],
        title="Layers, and the words of memory that they need",
    )
    yield "How they are counted: docs/does-it-fit.md"
    needs = {row.core: row.memory for row in report.layers}
    yield table(
        ["core #", "layer", "kernel #", "neuron #", "bias #"],
        [_core_cells(row, needs.get(row.core)) for row in report.cores],
        title=f"Cores of {report.chip}: words needed / words there are",
    )


def _layer_cells(row: LayerRow) -> list[object]:
    shapes = [shape_text(row.input_shape), shape_text(row.neuron_shape)]
    core = "-" if row.core is None else row.core
    return [row.name, ", ".join(row.origin), *shapes, *row.memory, core, ranges(row.candidates)]


def _core_cells(row: CoreRow, need: Memory | None) -> list[object]:
    used = need or (0, 0, 0)
    memory = [f"{words} / {room}" for words, room in zip(used, row.capacity, strict=True)]
    return [row.core, row.layer or "-", *memory]
