"""nirdynap evaluate: a spec, or a NIR graph lowered on the way, on a whole data set."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from nirdynap.cli.answer import Answer, plain
from nirdynap.cli.options import Evaluating, OnChip, SpecOrNir
from nirdynap.cli.progress import progress
from nirdynap.cli.screen import reading_words, share, table
from nirdynap.cli.source import run_of, told_notes
from nirdynap.errors import BAD_COMMAND_LINE, InputError
from nirdynap.ir.dvs import DVS_DROPPED
from nirdynap.ir.units import US_PER_S

if TYPE_CHECKING:
    from nirdynap.evaluate import CoreSummary, Spread, Summary
    from nirdynap.ir.spec import Spec

DataSet = Annotated[
    Path,
    typer.Option(
        "--input",
        metavar="PATH",
        help="Recordings: a file as `simulate` takes it, a folder of .npz and .npy files, or a folder with the folders "
        "0, 1, ... of N-MNIST's .bin files.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.parquet",
        help="One row for each sample. A run that was stopped goes on from the folder FILE.parquet.parts.",
    ),
]
ExecutorName = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="MODULE:NAME",
        help="What makes the executor, called without arguments: mpi4py.futures:MPIPoolExecutor, or a function of "
        "yours that connects to a Dask cluster.",
        show_default="processes of this machine",
        rich_help_panel="The workers",
    ),
]


def evaluate(
    file: SpecOrNir,
    input: DataSet,  # noqa: A002
    lowering: OnChip,
    evaluating: Evaluating,
    output: Output = None,
    executor: ExecutorName = None,
) -> Answer:
    """Run a network on every sample of a data set, on all processors: accuracy, spikes and load of each core.

    Ctrl-C stops; the same command goes on where it was, if there is an --output.

    Exit code 0: done. 1: the network is refused, or samples have no result. 2: wrong options, or a file that cannot
    be read or written.
    """
    from nirdynap.evaluate import evaluate as run

    spec, options = run_of(file, lowering, evaluating)
    with _executor(executor) as made, progress("evaluating") as tell:
        summary = run(spec, input, made, output=output, progress=tell, **options)
    body = {**plain(summary), "output": None if output is None else str(output)}
    tables = tuple(_tables(file, spec, summary))
    return Answer(body=body, diagnostics=(*told_notes(file, spec), *summary.diagnostics), tables=tables)


def _executor(name: str | None) -> AbstractContextManager[Executor | None]:
    """The executor that what is named there makes."""
    if name is None:
        return nullcontext()
    module, _, function = name.partition(":")
    try:
        made = getattr(import_module(module), function)()
        if not isinstance(made, Executor):
            raise TypeError(f"{made!r} is no concurrent.futures.Executor")
    except Exception as error:  # what somebody else's code raises
        found = f"--executor {name} makes none ({type(error).__name__}: {error})"
        raise InputError([BAD_COMMAND_LINE.at("$.executor", value=found, command="evaluate ")]) from error
    return made


def _tables(file: Path, spec: Spec, summary: Summary) -> Iterator[RenderableType]:
    from nirdynap.evaluate.summary import load_lines

    length = f"{summary.samples} samples ({summary.duration_us / US_PER_S:.3f} s)"
    reading = reading_words(spec.convention)
    yield f"{file} on {spec.chip}: {summary.semantics} run of {length}, {reading}, digest {summary.digest[:12]}"
    yield _spreads("Spikes of a sample", [(core, core.spikes) for core in summary.cores])
    yield _spreads("Synaptic operations of a sample", [(core, core.synaptic_operations) for core in summary.cores])
    yield _spreads("Synaptic operations per second", [(core, core.operations_per_s) for core in summary.cores])
    yield from load_lines(summary)
    for core in summary.cores:
        if core.saturated or core.dropped:
            yield f"{core.name}: {core.saturated} saturated updates, {core.dropped} dropped spikes"
    if summary.dvs_dropped:
        yield f"{summary.dvs_dropped} {DVS_DROPPED}"
    for output in summary.outputs:
        if output.silent:
            yield f"Output {output.name}: {output.silent} of {summary.samples} samples without an output spike"
        if output.correct is not None:
            told = f"{share(output.correct, summary.labelled)} ({output.correct} of {summary.labelled})"
            yield f"Accuracy of output {output.name}: {told}"


def _spreads(title: str, rows: list[tuple[CoreSummary, Spread]]) -> RenderableType:
    return table(
        ["core #", "layer", "mean #", "median #", "95 % #", "largest #"],
        [
            [core.core, core.name, *(f"{n:.0f}" for n in (spread.mean, spread.median, spread.p95, spread.largest))]
            for core, spread in rows
        ],
        title=title,
    )
