"""nirdynap convert: from a NIR graph to a spec file, or every reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nirdynap.cli.answer import Answer, plain
from nirdynap.cli.calibration import lowering_options
from nirdynap.cli.options import NirFile, OnChip
from nirdynap.cli.screen import reading_words
from nirdynap.cli.source import refuse_spec

Output = Annotated[
    Path,
    typer.Option(
        metavar="FILE", help="The spec: .h5, .hdf5 or .nirdynap (HDF5), or .json. Written whole or not at all."
    ),
]


def convert(file: NirFile, output: Output, lowering: OnChip) -> Answer:
    """Lower the network to the integers and cores of a chip, and write the spec.

    Exit code 0: written. 1: refused, nothing is written. 2: wrong options, or a file that cannot be read or written.
    """
    from nirdynap.cli.describe import integers_table, memory_table
    from nirdynap.compile import nir_to_dynapcnn
    from nirdynap.store import save

    refuse_spec(file)
    with lowering_options(lowering) as options:
        spec = nir_to_dynapcnn(file, **options)
    save(spec, output)
    body: dict[str, Any] = {
        "chip": spec.chip,
        "convention": spec.convention.name,
        "digest": spec.digest(),
        "weights_digest": spec.weights_digest(),
        "output": str(output),
        "integers": [{"layer": c[0].name, "quantisation": plain(c[0].quantisation)} for c in spec.layers],
    }
    head = f"{output}: {file} on {spec.chip}, {reading_words(spec.convention)}, digest {spec.digest()[:12]}"
    tables = [memory_table(spec)]
    if any(how["quantisation"]["rule"] not in ("max-abs", "given") for how in body["integers"]):
        tables.append(integers_table(spec))
    return Answer(body=body, diagnostics=spec.notes, tables=(head, *tables))
