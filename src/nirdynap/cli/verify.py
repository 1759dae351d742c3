"""nirdynap verify: the same input on every rung from the float network down to the chip's events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from nirdynap.cli.answer import Answer, plain
from nirdynap.cli.options import InputFile, NirFile, OnCamera, Timing
from nirdynap.cli.progress import progress
from nirdynap.cli.screen import reading_words, share, table
from nirdynap.cli.source import refuse_spec
from nirdynap.errors import BAD_COMMAND_LINE, InputError
from nirdynap.ir.dvs import DVS_DROPPED

if TYPE_CHECKING:
    from nirdynap.verify import Agreement, Rung, Verification
    from nirdynap.verify.rungs import RungName

_ABOUT = "equal: neurons whose spike counts over the run are the same as on the rung before, of all neurons and samples"


def verify(file: NirFile, input: InputFile, lowering: OnCamera, timing: Timing) -> Answer:  # noqa: A002
    """Float network, lowered network, integers in time steps, integers event by event: the same input, side by side.

    Exit code 0: compared, whatever came out. 1: the network or the recordings are refused. 2: wrong options, or a file
    that cannot be read.
    """
    from nirdynap.store.recordings import read_recordings
    from nirdynap.verify import verify as climb

    refuse_spec(file)
    if lowering.trim:
        found = "--trim leaves channels out, and the rungs are compared in every neuron"
        raise InputError([BAD_COMMAND_LINE.at("$.trim", value=found, command="verify ")])
    recordings = read_recordings(input)
    options = {"chip": "speck2f", **lowering.given(), **recordings.times, **timing.given()}
    with progress("verifying, samples on each rung") as tell:
        outcome = climb(file, input=recordings.samples, labels=recordings.labels, progress=tell, **options)
    length = f"{outcome.samples} samples of {outcome.steps} steps of {outcome.dt_us} µs"
    head = f"{file} on {outcome.spec.chip}: {length}, {reading_words(outcome.spec.convention)}"
    tables = (head, *verification_tables(outcome))
    return Answer(body=verification_body(outcome), diagnostics=outcome.notes, tables=tables)


def verification_body(outcome: Verification) -> dict[str, Any]:
    """The outcome as schemas/result-v1 says."""
    spec = outcome.spec
    parts = {name: part for name, part in plain(outcome).items() if name not in ("spec", "notes")}
    about = {"chip": spec.chip, "convention": spec.convention.name, "digest": spec.digest()}
    return {**about, **parts, "correct": outcome.correct}


def verification_tables(outcome: Verification) -> Iterator[RenderableType]:
    """What the rungs are, spikes of each layer on each of them, then each rung against the one before it."""
    from nirdynap.verify.text import first_differences

    if outcome.dvs_dropped:
        yield f"{outcome.dvs_dropped} {DVS_DROPPED}"
    for rung in outcome.rungs:
        yield f"{rung.name}: {rung.about}"
    layers = [f"{layer.name} #" for layer in outcome.rungs[0].layers]
    graded = ["accuracy #"] if outcome.correct else []
    yield table(
        ["rung", *layers, *graded],
        [[rung.name, *(layer.spikes for layer in rung.layers), *_grade(outcome, rung.name)] for rung in outcome.rungs],
        title="Spikes of each layer",
    )
    for rung in outcome.rungs:
        yield from _remarks(rung, outcome.samples)
    yield table(
        ["compared", *layers, "same decisions #"],
        [
            [
                f"{pair.rung} with {pair.reference}",
                *(_agreement(layer) for layer in pair.layers),
                " ".join(share(same, outcome.samples) for same in pair.same_decisions.values()),
            ]
            for pair in outcome.comparisons
        ],
        title=_ABOUT,
    )
    yield from first_differences(outcome)


def _grade(outcome: Verification, rung: RungName) -> list[str]:
    return [share(outcome.correct[rung], outcome.samples)] if outcome.correct else []


def _agreement(layer: Agreement) -> str:
    return share(layer.equal, layer.neurons)


def _remarks(rung: Rung, samples: int) -> Iterator[str]:
    """What happened on a rung that its spikes do not show."""
    words = {
        "ties": "decisions hung on a tie that the chip takes otherwise",
        "saturated": "updates saturated",
        "dropped": "spikes were dropped at the edge of a map",
    }
    for name, text in words.items():
        total = sum(getattr(layer, name) for layer in rung.layers)
        if total:
            yield f"{rung.name}: {total} {text}"
    for output, silent in rung.silent.items():
        if silent:
            yield f"{rung.name}, output {output}: {silent} of {samples} samples without an output spike"
