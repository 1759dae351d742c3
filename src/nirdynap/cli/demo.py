"""nirdynap demo: the shipped example, a network trained on handwritten digits, from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nirdynap.cli.answer import Answer, document
from nirdynap.cli.check import report_tables
from nirdynap.cli.progress import progress
from nirdynap.cli.verify import verification_body, verification_tables

if TYPE_CHECKING:
    from nirdynap.verify import Verification

_CHIP = "speck2f"
_INTRODUCTION = """\
A convolutional spiking network, trained on scikit-learn's handwritten digits, goes from a NIR file to a Speck 2f:
read, lowered to the chip's integers, checked against its memories, then run on held-out test digits on every rung
between the float network that was trained and the chip: folded, lowered, as integers in time steps, event by event.
"""

Output = Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files go; made if it is not there.")]


def demo(output: Output = Path("demo-output")) -> Answer:
    """A trained network from its NIR file to the chip, compared with its float original on real data."""
    from nirdynap.compile import check
    from nirdynap.shipped import shipped
    from nirdynap.store.recordings import read_recordings
    from nirdynap.verify import verify

    network, test = shipped("digits", "digits.nir"), shipped("digits", "digits_test.npz")
    report = check(network, _CHIP)
    recordings = read_recordings(test)
    with progress("running the test digits on each rung") as tell:
        outcome = verify(
            network, _CHIP, recordings.samples, labels=recordings.labels, progress=tell, **recordings.times
        )
    files = _write(output, outcome, {path.name: path.read_bytes() for path in (network, test)})
    body = {
        "chip": report.chip,
        "digest": outcome.spec.digest(),
        "folder": str(output),
        "files": files,
        "accuracy": [
            {"rung": rung, "samples": outcome.samples, "correct": correct} for rung, correct in outcome.correct.items()
        ],
    }
    tables = (
        _INTRODUCTION,
        *report_tables(network.name, report),
        f"\n{test.name}: {outcome.samples} test digits of {outcome.steps} time steps of {outcome.dt_us} µs",
        *verification_tables(outcome),
        _ending(output, files),
    )
    return Answer(body=body, diagnostics=outcome.notes, tables=tables)


def _write(folder: Path, outcome: Verification, copies: dict[str, bytes]) -> list[str]:
    """Write the spec in both formats, the results, and copies of what went in; their names."""
    from nirdynap.atomic import write_atomically
    from nirdynap.store import save

    folder.mkdir(parents=True, exist_ok=True)
    specs = ["digits.spec.h5", "digits.spec.json"]
    for name in specs:
        save(outcome.spec, folder / name)
    verified = Answer(body=verification_body(outcome), diagnostics=outcome.notes)
    results = json.dumps(document("verify", verified), indent=1, allow_nan=False)
    written = {"digits.verify.json": f"{results}\n".encode(), **copies}
    for name, content in written.items():
        write_atomically(folder / name, content)
    return [*specs, *written]


def _ending(folder: Path, files: list[str]) -> str:
    return f"""
Written to {folder}: {", ".join(files)}
Try next:
  nirdynap show {folder / "digits.nir"}
  nirdynap show {folder / "digits.spec.h5"}
  nirdynap simulate {folder / "digits.spec.h5"} --input {folder / "digits_test.npz"} --semantics event
  nirdynap check YOUR.nir --chip {_CHIP}"""
