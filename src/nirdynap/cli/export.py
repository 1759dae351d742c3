"""nirdynap export: a spec as a NIR graph of whole numbers, for any other simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nirdynap.cli.answer import Answer
from nirdynap.cli.options import Lowering, SpecOrNir
from nirdynap.cli.source import is_nir, spec_of
from nirdynap.errors import UNKNOWN_FORMAT, StoreError

Output = Annotated[
    Path, typer.Option(metavar="FILE.nir", help="The NIR graph of the chip's integers. Written whole or not at all.")
]


def export(file: SpecOrNir, output: Output, lowering: Lowering) -> Answer:
    """Write the network in the chip's integers as a NIR graph, which other simulators load.

    Exit code 0: written. 1: refused, nothing is written. 2: wrong options, or a file that cannot be read or written.
    """
    from nirdynap.export.dynapcnn_to_nir import dynapcnn_to_nir
    from nirdynap.export.nir_writer import write

    if not is_nir(output):
        raise StoreError([UNKNOWN_FORMAT.at(str(output), value=output.suffix, limit=".nir")])
    spec = spec_of(file, lowering)
    write(dynapcnn_to_nir(spec), output)
    body = {"chip": spec.chip, "digest": spec.digest(), "output": str(output)}
    head = f"{output}: {file} in the integers of {spec.chip}, digest {spec.digest()[:12]}"
    return Answer(body=body, diagnostics=spec.notes, tables=(head,))
