"""nirdynap simulate: run a spec, or a NIR graph lowered on the way, on recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from nirdynap.cli.answer import Answer, plain
from nirdynap.cli.options import InputFile, OnChip, Running, SpecOrNir
from nirdynap.cli.progress import progress
from nirdynap.cli.screen import reading_words, share, table
from nirdynap.cli.source import run_of, told_notes
from nirdynap.errors import BAD_COMMAND_LINE, UNKNOWN_FORMAT, Diagnostic, InputError, raise_errors
from nirdynap.ir.arguments import label_findings
from nirdynap.ir.dvs import DVS_DROPPED
from nirdynap.ir.units import shape_text

if TYPE_CHECKING:
    from nirdynap.ir.result import Result
    from nirdynap.ir.spec import Spec
    from nirdynap.store.recordings import Recordings

_SAMPLES_SHOWN = 20
_COUNTS_SHOWN = 16

Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE.npz", help="Write events, rasters, counts and membranes, whole or not at all."),
]


def simulate(
    file: SpecOrNir,
    input: InputFile,  # noqa: A002
    lowering: OnChip,
    running: Running,
    output: Output = None,
) -> Answer:
    """Run a network on recordings, exactly: in time steps (clocked), or event by event as the asynchronous chip.

    Told of each core: synaptic operations, the non-zero weights that arriving spikes touch; saturated, the updates
    whose sum left the 16 bits of a membrane; dropped, the copies of spikes that fell off the target map.

    Exit code 0: done. 1: the network or the recordings are refused. 2: wrong options, or a file that cannot be read.
    """
    from nirdynap.sim import simulate as run
    from nirdynap.store.recordings import read_recordings, write_result
    from nirdynap.verify import guards

    raise_errors(_output_findings(output, running.record), InputError)
    spec, options = run_of(file, lowering, running)
    recordings = read_recordings(input)
    raise_errors(label_findings(spec, () if recordings.labels is None else recordings.labels), InputError)
    with progress("simulating") as tell:
        result = run(spec, recordings.samples, progress=tell, **{**recordings.times, **options})
    if output is not None:
        write_result(output, result, recordings.labels)
    body = _body(result, recordings)
    found = (*told_notes(file, spec), *guards(result))
    return Answer(body=body, diagnostics=found, tables=tuple(_tables(file, spec, body)))


def _output_findings(output: Path | None, record: str | None) -> Iterator[Diagnostic]:
    if output is not None and output.suffix.lower() != ".npz":
        yield UNKNOWN_FORMAT.at(str(output), value=output.suffix, limit=".npz")
    if output is None and record == "all":
        found = "--record all without --output, the file that would hold what is recorded"
        yield BAD_COMMAND_LINE.at("$.record", value=found, command="simulate ")


def _body(result: Result, recordings: Recordings) -> dict[str, Any]:
    spec, labels = result.spec, recordings.labels
    decisions, outputs = result.decisions, {}
    for name, counts in result.output_counts.items():
        decision = decisions[name]
        outputs[name] = {
            "shape": list(counts.shape[1:]),
            "counts": counts.reshape(len(counts), -1).tolist(),
            "decision": decision.tolist(),
            "correct": None if labels is None else int(((decision == labels) & (decision >= 0)).sum()),
        }
    cores = [{"core": core.core, "name": core.name, **plain(result.stats[core.core])} for core in spec.cores]
    return {
        "semantics": result.semantics,
        "chip": spec.chip,
        "digest": spec.digest(),
        "dt_us": result.dt_us,
        "samples": len(next(iter(decisions.values()))),
        "labels": plain(labels),
        "dvs_dropped": result.dvs_dropped,
        "cores": cores,
        "outputs": outputs,
        "readout": _readout(result),
    }


def _readout(result: Result) -> list[dict[str, Any]] | None:
    """What the readout block says of each sample, if there is one and a clock."""
    if result.spec.readout is None or result.ticks is None:
        return None
    rows = ("ticks", "averages", "winners", "pins", "values")
    return [{name: plain(getattr(record, name)) for name in rows} for record in result.readout]


def _tables(file: Path, spec: Spec, body: dict[str, Any]) -> Iterator[RenderableType]:
    samples = body["samples"]
    reading = reading_words(spec.convention)
    yield f"{file} on {spec.chip}: {body['semantics']} run, {samples} samples, {reading}, digest {body['digest'][:12]}"
    yield table(
        ["core #", "layer", "spikes #", "synaptic operations #", "saturated #", "dropped #"],
        [list(core.values()) for core in body["cores"]],
    )
    if body["dvs_dropped"]:
        yield f"{body['dvs_dropped']} {DVS_DROPPED}"
    for name, output in body["outputs"].items():
        yield _samples_table(name, output, body["labels"])
        if samples > _SAMPLES_SHOWN:
            yield f"The first {_SAMPLES_SHOWN} of {samples} samples; --json and --output hold them all."
        if silent := output["decision"].count(-1):
            yield f"Output {name}: {silent} of {samples} samples without an output spike, and so without a decision"
        if output["correct"] is not None:
            yield f"Accuracy of output {name}: {share(output['correct'], samples)} ({output['correct']} of {samples})"
    if body["readout"] is not None:
        yield _readout_table(body["readout"])


def _readout_table(samples: list[dict[str, Any]]) -> RenderableType:
    """What the block says at the end of each sample."""
    rows = []
    for i, said in enumerate(samples[:_SAMPLES_SHOWN]):
        averages = " ".join(map(str, said["averages"][-1])) if said["ticks"] else "-"
        rows.append([i, len(said["ticks"]), said["winners"][-1] if said["ticks"] else "-", averages])
    return table(
        ["sample #", "ticks #", "winner #", "averages of classes 1, 2, ..."], rows, title="Readout block, last tick"
    )


def _samples_table(name: str, output: dict[str, Any], labels: list[int] | None) -> RenderableType:
    few = len(output["counts"][0]) <= _COUNTS_SHOWN
    rows = []
    for sample, counts in enumerate(output["counts"][:_SAMPLES_SHOWN]):
        label = "-" if labels is None else labels[sample]
        listed = " ".join(map(str, counts)) if few else "(too many to show)"
        decision = output["decision"][sample]
        rows.append([sample, label, "-" if decision < 0 else decision, sum(counts), listed])
    return table(
        ["sample #", "label #", "decision #", "spikes #", "spikes of each neuron ..."],
        rows,
        title=f"Output {name}, {shape_text(output['shape'])}",
    )
