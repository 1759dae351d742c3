"""A spec on a whole data set. The steps, in order: samples, groups, workers, parts, one file, summary."""

from __future__ import annotations

import dataclasses
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import final

from nirdynap import __version__
from nirdynap.errors import (
    BAD_RUN_OPTION,
    NOTHING_TO_EVALUATE,
    STOPPED,
    UNKNOWN_FORMAT,
    Diagnostic,
    InputError,
    StoreError,
    raise_errors,
)
from nirdynap.evaluate.dispatch import Group, check_work, run_groups
from nirdynap.evaluate.parts import Parts, load_columnar, open_parts
from nirdynap.evaluate.samples import Entry, Samples, Source, open_samples
from nirdynap.evaluate.summary import Summary, summarise
from nirdynap.evaluate.work import Numbered, Options, Row, Work, failed
from nirdynap.evaluate.workers import Workers
from nirdynap.ir.arguments import checked_path
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.result import Semantics
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import is_positive
from nirdynap.lower.validate import check_coherent
from nirdynap.sim.asynchronous import Emission, Order

_LOGGER = logging.getLogger("nirdynap")

EvaluationProgress = Callable[[int, "int | None"], None]
"""Called with (samples done, samples in all, if that is known)."""


def evaluate(
    spec: Spec,
    samples: Samples,
    executor: Executor | None = None,
    *,
    output: str | os.PathLike[str] | None = None,
    semantics: Semantics = "event",
    order: Order = "depth",
    emission: Emission = "raster",
    saturate: bool = True,
    spikes_per_step: SpikesPerStep | None = None,
    bias_clock_us: int | None = None,
    dt_us: int | None = None,
    duration_us: int | None = None,
    workers: int | None = None,
    group_size: int = 16,
    in_flight: int | None = None,
    progress: EvaluationProgress | None = None,
) -> Summary:
    """Run a spec on every sample of a data set, each from the spec's initial states, and sum up.

    Samples stream in and rows stream out: what is in memory does not grow with their number. Workers that are lost are
    replaced, and their samples run again; a sample that cannot be run has a row that says why. The file is the same,
    byte for byte, for any executor, number of workers and order of arrival.

    A run that is stopped says what it keeps (logger "nirdynap") and leaves the folder ``<output>.parts``; the same call
    goes on from there. When the file is complete it takes the place of an older one, and the folder goes.

    Args:
        spec: what to run.
        samples: the path of an .npz or .npy file, of a folder of such files, or of a folder 0, 1, ... of N-MNIST's
            .bin files; one Events, or counts as `simulate` takes them; a data set (`len` and `[i]`, such as those of
            Tonic) or any iterable, of Events, structured arrays (x, y, t, p), counts [time, channel, y, x], or pairs
            (one of them, label). A label is the index of the right output neuron.
        executor: any `concurrent.futures.Executor`, such as Dask's ``client.get_executor()`` or mpi4py's
            ``MPIPoolExecutor()``; it stays open. Default: processes of this machine, started afresh, so that a script
            needs ``if __name__ == "__main__":``.
        output: a Parquet file (.parquet), one row for each sample; None: only the summary is kept.
        semantics: "event" (the asynchronous chip) or "clocked" (time steps): two different answers.
        order, emission, saturate, spikes_per_step, bias_clock_us, dt_us, duration_us: as in `simulate`. Times that are
            None are those that a sample's file says, else the defaults of `simulate`.
        workers: processes, where there is no `executor`; default: one for each processor.
        group_size: samples that go to a worker together.
        in_flight: groups that are in memory at a time; default: 2 for each worker, or 32 for another's executor.
        progress: called with (samples done, samples in all, if that is known).

    Raises:
        InputError: ND513 for what is no Spec, ND507 for bad options, ND506 for biases without a clock, ND751 for no
            samples, ND511 for a file that cannot be read, ND754 if the partial output is of another run, ND755 if
            there are no workers, ND901 if pyarrow or numba is not installed.
        StoreError: ND605, ND606 for an output that cannot be written.

    Example:
        Of two recordings of one pixel, weight 5 and threshold 10, the second is too short for a spike.

        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from nirdynap.testing.build import build_core, build_spec
        >>> spec = build_spec(build_core(0, [[[[5]]]], (1, 1, 1), threshold_high=10))
        >>> with ThreadPoolExecutor() as executor:
        ...     summary = evaluate(spec, [([[[[2]]], [[[1]]]], 0), ([[[[1]]]], 0)], executor)
        >>> summary.accuracy, summary.cores[0].synaptic_operations.mean, summary.outputs[0].silent
        ({'out0': 0.5}, 2.0, 1)
    """
    check_coherent(spec)
    target = None if output is None else checked_path(output, "output")
    raise_errors(_findings(workers, group_size, in_flight, executor), InputError)
    if target is not None and target.suffix.lower() != ".parquet":
        raise StoreError([UNKNOWN_FORMAT.at(str(target), value=target.suffix, limit=".parquet")])
    options = Options(
        semantics=semantics,
        order=order,
        emission=emission,
        saturate=saturate,
        spikes_per_step=spikes_per_step,
        bias_clock_us=bias_clock_us,
        dt_us=dt_us,
        duration_us=duration_us,
    )
    work = Work(spec=spec, options=options)
    columnar = load_columnar()
    source = open_samples(samples)
    with _place(target) as path, Workers(executor, workers) as pool:
        check_work(work, pool)
        parts = open_parts(path.with_name(f"{path.name}.parts"), spec, _about(work), group_size, source.content)
        groups = _Groups(source, parts, group_size, progress)
        with _told_when_stopped(groups, None if target is None else parts.folder):
            for number, rows in run_groups(groups, work, pool, in_flight or pool.in_flight):
                parts.write(number, rows)
                groups.tell(len(rows))
        if not groups.passed:
            parts.remove()
            raise InputError([NOTHING_TO_EVALUATE.at("$.samples", value="there are no samples")])
        parts.merge(groups.passed, path)
        summary = summarise(path, work, columnar, target)
        parts.remove()
    return summary


@final
class _Groups(Iterator[Group]):
    """The groups that are still to do, read when they are asked for.

    `passed` counts them and those done before, `done` the samples of groups that are done.
    """

    def __init__(self, source: Source, parts: Parts, size: int, progress: EvaluationProgress | None) -> None:
        self._source, self._parts, self._size, self._progress = source, parts, size, progress
        self.done = 0
        self.passed = 0

    def tell(self, samples: int) -> None:
        """So many more samples are done."""
        self.done += samples
        if self._progress is not None:
            self._progress(self.done, self._source.total)

    def __next__(self) -> Group:
        while entries := list(islice(self._source.entries, self._size)):
            number, first = self.passed, self.passed * self._size
            self.passed += 1
            if not self._parts.holds(number, [entry.name for entry in entries], first):
                return _load(number, first, entries)
            self.tell(len(entries))
        raise StopIteration


def _load(number: int, first: int, entries: list[Entry]) -> Group:
    samples: list[Numbered] = []
    rows: list[Row] = []
    for index, entry in enumerate(entries, start=first):
        try:
            samples.append(Numbered(index=index, name=entry.name, sample=entry.load()))
        except InputError as error:
            rows.append(failed(index, entry.name, None, str(error)))
        except Exception as error:  # a data set may raise anything over a file that is damaged
            rows.append(failed(index, entry.name, None, f"cannot be read: {type(error).__name__}: {error}"))
    return Group(number=number, samples=tuple(samples), rows=tuple(rows))


@contextmanager
def _told_when_stopped(groups: _Groups, folder: Path | None) -> Iterator[None]:
    """Whoever stops a run hears what is kept of it, and how it goes on."""
    try:
        yield
    except KeyboardInterrupt:
        found, remedy = "nothing is kept", "an output (--output), from which a run that was stopped goes on"
        if folder is not None:
            found, remedy = f"{groups.done} samples are done, and kept", "the same again, which goes on from there"
        _LOGGER.warning("%s", STOPPED.at(str(folder or "$.output"), value=found, remedy=remedy))
        raise


@contextmanager
def _place(target: Path | None) -> Iterator[Path]:
    """Where the file is made: its own place, or a folder that is gone behind the block."""
    if target is not None:
        yield target
        return
    with tempfile.TemporaryDirectory(prefix="nirdynap-") as folder:
        yield Path(folder) / "rows.parquet"


def _about(work: Work) -> dict[str, object]:
    """All that the rows depend on but the samples: the metadata of the file."""
    spec = work.spec
    return {
        "schema": "evaluation-v1",
        "nirdynap": __version__,
        "digest": spec.digest(),
        "chip": spec.chip,
        "semantics": work.options.semantics,
        "options": {k: v for k, v in dataclasses.asdict(work.options).items() if k != "semantics"},
        "outputs": [port._asdict() for port in spec.outputs],
        "cores": [{"core": core.core, "name": core.name} for core in spec.cores],
    }


def _findings(workers: object, group_size: object, in_flight: object, executor: object) -> Iterator[Diagnostic]:
    given = {"workers": workers, "group_size": group_size, "in_flight": in_flight}
    for parameter, value in given.items():
        if not is_positive(value) and (value is not None or parameter == "group_size"):
            limit = "a positive whole number"
            yield BAD_RUN_OPTION.at(f"$.{parameter}", parameter=parameter, value=str(value), limit=limit)
    if executor is not None and not isinstance(executor, Executor):
        limit = "a concurrent.futures.Executor, such as client.get_executor() of a Dask client"
        yield BAD_RUN_OPTION.at("$.executor", parameter="executor", value=repr(executor), limit=limit)
    if executor is not None and workers is not None:
        limit = "None beside an executor, which has its own"
        yield BAD_RUN_OPTION.at("$.workers", parameter="workers", value=str(workers), limit=limit)
