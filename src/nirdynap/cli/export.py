"""nirdynap export: a spec for other programs, as a NIR graph of whole numbers or as the vendor's configuration."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from nirdynap.atomic import write_atomically
from nirdynap.cli.answer import Answer
from nirdynap.cli.options import OnChip, SpecOrNir
from nirdynap.cli.source import is_nir, spec_of, told_notes
from nirdynap.errors import BAD_COMMAND_LINE, UNKNOWN_FORMAT, InputError, StoreError
from nirdynap.ir.spec import Spec

Output = Annotated[
    Path, typer.Option(metavar="FILE", help="A .nir, or a .json for samna-json. Written whole or not at all.")
]
To = Annotated[
    str, typer.Option(help="nir: a graph of the chip's integers. samna-json: the configuration of each core.")
]
Monitor = Annotated[
    list[str] | None,
    typer.Option(help="samna-json: a node whose spikes are sent back, dvs, or all.", show_default="the outputs"),
]


def export(
    file: SpecOrNir,
    output: Output,
    lowering: OnChip,
    to: To = "nir",
    monitor: Monitor = None,
) -> Answer:
    """Write the network in the chip's integers for other programs: simulators, or the vendor's runtime.

    Exit code 0: written. 1: refused, nothing is written. 2: wrong options, or a file that cannot be read or written.
    """
    hz = lowering.slow_clock_hz  # of the board, which can be told so of a finished spec, too
    _check_words(output, to, bool(monitor) or hz is not None)
    spec = spec_of(file, lowering if is_nir(file) else dataclasses.replace(lowering, slow_clock_hz=None))
    if to == "nir":
        _write_nir(spec, output)
    else:
        from nirdynap.export.samna_config import configuration

        tree = configuration(spec, monitor=monitor or None, slow_clock_hz=None if is_nir(file) else hz)
        write_atomically(output, f"{tree.to_json()}\n".encode())
    body = {"chip": spec.chip, "digest": spec.digest(), "output": str(output)}
    head = f"{output}: {file} in the integers of {spec.chip}, digest {spec.digest()[:12]}"
    return Answer(body=body, diagnostics=told_notes(file, spec), tables=(head,))


def _check_words(output: Path, to: str, for_samna: bool) -> None:
    if to not in ("nir", "samna-json"):
        raise InputError(
            [BAD_COMMAND_LINE.at("$.argv", value=f"--to {to} is not nir or samna-json", command="export ")]
        )
    if to == "nir" and for_samna:
        found = "--monitor and --slow-clock-hz have no effect without --to samna-json"
        raise InputError([BAD_COMMAND_LINE.at("$.argv", value=found, command="export ")])
    fits = is_nir(output) if to == "nir" else output.suffix.lower() == ".json"
    if not fits:
        limit = ".nir, and .json with --to samna-json" if to == "nir" else ".json"
        raise StoreError([UNKNOWN_FORMAT.at(str(output), value=output.suffix, limit=limit)])


def _write_nir(spec: Spec, output: Path) -> None:
    from nirdynap.export.dynapcnn_to_nir import dynapcnn_to_nir
    from nirdynap.export.nir_writer import write

    write(dynapcnn_to_nir(spec), output)
