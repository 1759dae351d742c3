"""nirdynap sensitivity: how much decisions hang on order, time stamps and the last bit of the parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from nirdynap.cli.answer import Answer, plain
from nirdynap.cli.options import InputFile, OnCamera, SpecOrNir, Timing
from nirdynap.cli.progress import progress
from nirdynap.cli.screen import table
from nirdynap.cli.source import spec_of

if TYPE_CHECKING:
    from nirdynap.verify import Sensitivity


def sensitivity(
    file: SpecOrNir,
    input: InputFile,  # noqa: A002
    lowering: OnCamera,
    timing: Timing,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 0,
    repeats: Annotated[int, typer.Option(help="Draws of each disturbance.")] = 10,
    jitter_us: Annotated[int, typer.Option(help="Largest shift of a time stamp in µs.")] = 100,
    weight_share: Annotated[float, typer.Option(help="Share of the weights that are off by one.")] = 0.1,
) -> Answer:
    """How many decisions change, and how many spikes move, when order, times, weights and thresholds are disturbed.

    Spikes moved: of a layer's undisturbed spikes as many as its neurons have more or less; two copies of a chip differ
    by some 3 %. Intervals are those of 95 % confidence.

    Exit code 0: done. 1: the network or the recordings are refused. 2: wrong options, or a file that cannot be read.
    """
    from nirdynap.store.recordings import read_recordings
    from nirdynap.verify import sensitivity as disturb

    spec = spec_of(file, lowering)
    recordings = read_recordings(input)
    options: dict[str, Any] = {**recordings.times, **timing.given()}
    options |= {"seed": seed, "repeats": repeats, "jitter_us": jitter_us, "weight_share": weight_share}
    with progress("disturbing, runs") as tell:
        found = disturb(spec, recordings.samples, recordings.labels, progress=tell, **options)
    return Answer(body=plain(found), tables=(f"{file} on {spec.chip}", *_tables(found)))


def _tables(found: Sensitivity) -> Iterator[RenderableType]:
    yield f"{found.samples} samples, {found.semantics} runs, {found.repeats} draws of each, seed {found.seed}"
    if found.correct is not None:
        yield f"Accuracy undisturbed: {found.correct}"
    graded = found.correct is not None
    rows = [[d.name, d.about, str(d.changed), *[str(d.correct)] * graded] for d in found.disturbed]
    yield table(["disturbed", "how", "decisions changed #", *["accuracy #"] * graded], rows)
    layers = [f"{layer.layer} #" for layer in found.disturbed[0].layers]
    moved = [[d.name, *(str(layer.moved) for layer in d.layers)] for d in found.disturbed]
    yield table(["disturbed", *layers], moved, title="Spikes of each layer that moved")
