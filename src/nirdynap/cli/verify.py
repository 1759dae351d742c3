"""nirdynap verify: the same input on every rung from the framework's model down to a chip's own spikes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from nirdynap.cli.answer import Answer, plain
from nirdynap.cli.options import InputFile, NirFile, OnChip, Timing
from nirdynap.cli.progress import progress
from nirdynap.cli.screen import reading_words, share, table
from nirdynap.cli.source import refuse_spec
from nirdynap.errors import BAD_COMMAND_LINE, Diagnostic, InputError, raise_errors
from nirdynap.ir.dvs import DVS_DROPPED

if TYPE_CHECKING:
    from nirdynap.verify import Rung, Verification

_EQUAL = "equal: neurons whose spike counts over the run are the same as on the rung before, of all neurons and samples"
_LAYERS = (
    "what differs: rate error is the mean difference of a neuron's two firing rates; earth mover's distance that of "
    "the two distributions of rates"
)
_BAR = 30  # characters of a bar that stands for all samples

FrameworkFile = Annotated[
    Path | None,
    typer.Option(
        "--framework",
        metavar="FILE",
        help="What the framework itself gave for the input. An .npz of arrays by neuron or Output node, or an .npy for "
        "the one Output: spikes summed over the run [sample, ...], or [time, sample, ...].",
    ),
]
RecordedFile = Annotated[
    Path | None,
    typer.Option(
        "--recorded",
        metavar="FILE",
        help="Recordings that were played to a chip, and its spikes: an .npz with events_0 (columns x, y, t, p), "
        "counts_0 (of the first layer; counts_0.NODE of others), events_1 and so on.",
    ),
]


def verify(
    file: NirFile,
    input: InputFile,  # noqa: A002
    lowering: OnChip,
    timing: Timing,
    framework: FrameworkFile = None,
    recorded: RecordedFile = None,
) -> Answer:
    """The same input on every rung between the trained model and the chip: where do the numbers first differ?

    The framework's outputs and a chip's spikes, if given; and between them the float network, folded, lowered, in
    integers in time steps, with one spike a step, event by event, and with what a chip does besides.

    Exit code 0: compared, whatever was lost. 1: the network or the recordings are refused, or rungs that must be equal
    differ. 2: wrong options, or a file that cannot be read.
    """
    from nirdynap.store.recordings import file_content, read_recordings
    from nirdynap.verify import verify as climb
    from nirdynap.verify.text import all_notes

    refuse_spec(file)
    raise_errors(_unfit(lowering), InputError)
    recordings = read_recordings(input)
    options = {"chip": "speck2f", **lowering.given(), **recordings.times, **timing.given()}
    outputs = None if framework is None else file_content(framework)
    with progress("verifying, samples on each rung") as tell:
        outcome = climb(
            file,
            input=recordings.samples,
            labels=recordings.labels,
            framework=outputs,
            recorded=recorded,
            progress=tell,
            **options,
        )
    head = f"{file} on {outcome.spec.chip}: {_length(outcome)}, {reading_words(outcome.spec.convention)}"
    tables = (head, *verification_tables(outcome))
    return Answer(body=verification_body(outcome), diagnostics=all_notes(outcome), tables=tables)


def _unfit(lowering: OnChip) -> Iterator[Diagnostic]:
    why = {
        "trim": "leaves channels out, and the rungs are compared in every neuron",
        "readout": "moves channels of the output, and changes no spike: see nirdynap simulate",
    }
    for option, reason in why.items():
        if getattr(lowering, option):
            yield BAD_COMMAND_LINE.at(f"$.{option}", value=f"--{option} {reason}", command="verify ")


def verification_body(outcome: Verification) -> dict[str, Any]:
    """The outcome as schemas/result-v1 says."""
    spec = outcome.spec
    parts = {name: part for name, part in plain(outcome).items() if name not in ("spec", "notes", "recorded")}
    about = {"chip": spec.chip, "convention": spec.convention.name, "digest": spec.digest()}
    counted = {
        "correct": outcome.correct,
        "accuracy_interval": plain(outcome.accuracy_interval),
        "waterfall": plain(outcome.waterfall),
    }
    recorded = None if outcome.recorded is None else verification_body(outcome.recorded)
    return {**about, **parts, **counted, "recorded": recorded}


def verification_tables(outcome: Verification) -> Iterator[RenderableType]:
    """What the rungs are, what fired on each of them, each against the one before it, and what became of decisions."""
    for rung in outcome.rungs:
        yield f"{rung.name}: {rung.about}"
    yield from _ladder(outcome)
    if outcome.recorded is not None:
        yield f"\nRecordings that were played to a chip, and its spikes: {_length(outcome.recorded)}"
        yield from _ladder(outcome.recorded)


def _length(outcome: Verification) -> str:
    return f"{outcome.samples} samples of {outcome.steps} steps of {outcome.dt_us} µs"


def _ladder(outcome: Verification) -> Iterator[RenderableType]:
    from nirdynap.verify.text import first_differences

    if outcome.dvs_dropped:
        yield f"{outcome.dvs_dropped} {DVS_DROPPED}"
    if again := [rung.name for rung in outcome.rungs if rung.repeats]:
        yield f"Proven to be the rung before, and not run again: {', '.join(again)}"
    yield _spikes(outcome)
    for rung in outcome.rungs:
        yield from _remarks(rung, outcome.samples)
    yield _equal(outcome)
    yield _measured(outcome)
    yield from first_differences(outcome)
    yield _waterfall(outcome)


def _spikes(outcome: Verification) -> RenderableType:
    from nirdynap.verify.text import interval, layer_names, spikes_of

    names, correct = layer_names(outcome), outcome.correct

    def graded(rung: Rung) -> list[str]:
        n = correct.get(rung.name)
        if n is None:
            return ["-", "-"] if correct else []
        return [share(n, outcome.samples), interval(n, outcome.samples)]

    return table(
        ["rung", *(f"{name} #" for name in names), *(["accuracy #", "95 % interval #"] if correct else [])],
        [[rung.name, *spikes_of(rung, names), *graded(rung)] for rung in outcome.rungs],
        title="Spikes of each layer",
    )


def _equal(outcome: Verification) -> RenderableType:
    from nirdynap.verify.text import called, interval, layer_names

    rows = []
    for pair in outcome.comparisons:
        equal = {layer.layer: share(layer.equal, layer.neurons) for layer in pair.layers}
        same = pair.same_decisions.values()
        alike = [" ".join(of(n, outcome.samples) for n in same) or "-" for of in (share, interval)]
        rows.append([called(pair), *(equal.get(name, "-") for name in layer_names(outcome)), *alike])
    layers = (f"{name} #" for name in layer_names(outcome))
    return table(["compared", *layers, "same decisions #", "95 % interval #"], rows, title=_EQUAL)


def _measured(outcome: Verification) -> RenderableType:
    from nirdynap.verify.text import called, measures

    rows = [
        [
            called(pair),
            layer.layer,
            share(layer.equal, layer.neurons),
            share(layer.within_one, layer.neurons),
            *measures(layer),
        ]
        for pair in outcome.comparisons
        for layer in pair.layers
        if layer.equal < layer.neurons
    ]
    measured = ("correlation #", "rate error Hz #", "earth mover's Hz #")
    return table(["compared", "layer", "equal #", "within one #", *measured], rows, title=_LAYERS)


def _waterfall(outcome: Verification) -> RenderableType:
    from nirdynap.verify.text import right_words

    fall = outcome.waterfall
    right = fall.first
    rows = [[fall.rungs[0], "", "", "", right, _bar(right, fall.samples)]]
    for loss in fall.losses:
        right += loss.gained - loss.lost
        signed = [f"-{loss.lost}" if loss.lost else "0", f"+{loss.gained}" if loss.gained else "0"]
        rows.append([loss.rung, *signed, loss.changed, right, _bar(right, fall.samples)])
    return table(
        ["rung", "lost #", "gained #", "decided otherwise #", "right #", ""],
        rows,
        title=f"Waterfall {right_words(outcome)}",
    )


def _bar(part: int, whole: int) -> str:
    return "█" * round(_BAR * part / whole)


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
