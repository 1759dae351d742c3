"""nirdynap locate: where two runs of the same input first part, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nirdynap.cli.answer import Answer, plain
from nirdynap.cli.options import InputFile, Lowering, OnCamera, Reading
from nirdynap.cli.screen import visible
from nirdynap.cli.source import is_nir, spec_of
from nirdynap.errors import BAD_COMMAND_LINE, InputError

if TYPE_CHECKING:
    from nirdynap.verify import Runner

_HOW = (
    "float (a .nir as it was read), clocked or event; behind it options of such a run, as in clocked,saturate=no or "
    "event,order=breadth,emission=channel,bias_clock_us=1000."
)
_VALUES = {"yes": True, "no": False}


def _side(name: str) -> object:
    return typer.Argument(metavar=name, help="A NIR graph (.nir) or a spec (.h5, .nirdynap, .json).")


def locate(
    a: Annotated[Path, _side("A")],
    b: Annotated[Path, _side("B")],
    input: InputFile,  # noqa: A002
    lowering: OnCamera,
    a_run: Annotated[str, typer.Option(metavar="RUN", help=f"How A is run: {_HOW}")] = "clocked",
    b_run: Annotated[str, typer.Option(metavar="RUN", help="How B is run, in the same words.")] = "clocked",
    dt_us: Annotated[
        int | None, typer.Option(help="Length of a time step in µs.", show_default="the file's, or 1000")
    ] = None,
) -> Answer:
    """The first layer, time and neuron in which two runs of the same recordings differ, what led there, and why.

    A and B may be one file, run in two ways.

    Exit code 0: compared, whatever came out. 1: a network or the recordings are refused. 2: wrong options, or a file
    that cannot be read.
    """
    from nirdynap.store.recordings import read_recordings
    from nirdynap.verify import locate as search

    # Options of lowering belong to the graphs; beside two specs they would be ignored, and are refused.
    own = lowering if is_nir(a) or not is_nir(b) else OnCamera()
    runs = _runner(a, a_run, "a_run", own), _runner(b, b_run, "b_run", lowering if is_nir(b) else OnCamera())
    recordings = read_recordings(input)
    given = {} if dt_us is None else {"dt_us": dt_us}
    found = search(*runs, recordings.samples, **{**recordings.times, **given})
    about = [f"{file}, {how}" for file, how in ((a, a_run), (b, b_run))]
    told = "the same spikes everywhere" if found is None else str(found)
    lines = (f"a is {about[0]}", f"b is {about[1]}", *told.split("\n"))
    body = {"a": about[0], "b": about[1], "divergence": None if found is None else plain(found)}
    return Answer(body=body, tables=tuple(visible(line) for line in lines))


def _runner(file: Path, how: str, option: str, lowering: Lowering) -> Runner:
    from nirdynap.frontend import read
    from nirdynap.verify import Ran

    kind, *settings = how.split(",")
    pairs = [setting.partition("=") for setting in settings]
    options = {name: _value(text) for name, _, text in pairs}
    if kind == "float" and is_nir(file) and not options:
        return read(file, **Reading.given(lowering))
    if kind not in ("clocked", "event") or not all(text for _, _, text in pairs):
        found = f"--{option.replace('_', '-')} {how} for {file}; due is {_HOW.rstrip('.')}"
        raise InputError([BAD_COMMAND_LINE.at(f"$.{option}", value=found, command="locate ")])
    return Ran(spec_of(file, lowering), "clocked" if kind == "clocked" else "event", **options)


def _value(text: str) -> Any:
    return _VALUES.get(text, int(text) if text.isdecimal() else text)
