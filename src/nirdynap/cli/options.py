"""The words of the command line that several commands share, declared once and named as in the Python API."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from nirdynap.cli.calibration import calibration
from nirdynap.errors import BAD_OPTION, CompileError, Diagnostic
from nirdynap.ir.convention import AUTO, CONVENTIONS

NirFile = Annotated[Path, typer.Argument(metavar="FILE.nir", help="A NIR graph.")]
SpecOrNir = Annotated[
    Path, typer.Argument(metavar="FILE", help="A NIR graph (.nir) or a spec (.h5, .nirdynap, .json).")
]
InputFile = Annotated[
    Path,
    typer.Option(
        "--input",
        metavar="FILE",
        help="Recordings. An .npz with t, c, y, x or x, y, t, p (t in µs; for several samples also start, the index "
        "of each one's first event, with or without the end behind the last), or with raster; of an .npz with both "
        "the events are taken; if it holds label, the accuracy is told. Or an .npy: a structured array with "
        "x, y, t, p, or a raster of time, batch, channel, y, x.",
    ),
]


def _reading(text: str, **settings: Any) -> Any:
    return typer.Option(help=text, rich_help_panel="What the file leaves open", **settings)


def _cores(text: str, **settings: Any) -> Any:
    return typer.Option(help=text, rich_help_panel="The cores", **settings)


def _run(text: str, **settings: Any) -> Any:
    return typer.Option(help=text, rich_help_panel="The run", **settings)


def _chip(text: str, **settings: Any) -> Any:
    return typer.Option(help=text, rich_help_panel="The chip besides its cores", **settings)


def _camera(text: str, **settings: Any) -> Any:
    return typer.Option(help=text, rich_help_panel="The camera", **settings)


def _workers(text: str, **settings: Any) -> Any:
    return typer.Option(help=text, rich_help_panel="The workers", **settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options that belong together; None is an option that was not given."""

    def given(self) -> dict[str, Any]:
        """Keyword arguments for the Python function of the same names."""
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in options.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Options):
    """How a NIR file is read: the arguments of `nirdynap.read`."""

    convention: Annotated[str | None, _reading(f"One of {', '.join((AUTO, *CONVENTIONS))}.", show_default=AUTO)] = None
    reset: Annotated[str | None, _reading("subtract or zero.")] = None
    v_min: Annotated[str | None, _reading("Lower bound of all membranes: none, -threshold, or a number <= 0.")] = None
    tie: Annotated[str | None, _reading("At v == threshold a neuron fires or waits.")] = None
    spikes_per_step: Annotated[str | None, _reading("Spikes of a neuron in one time step: one or many.")] = None
    dt: Annotated[
        float | None, _reading("Time step in seconds, where the convention multiplies r by it or neurons leak.")
    ] = None
    flatten: Annotated[str | None, _reading("Order of the elements behind a Flatten: chw or hwc.")] = None
    integration: Annotated[str | None, _reading("Leaky neurons: euler, exp, euler-raw or exp-raw.")] = None
    reset_time: Annotated[
        str | None, _reading("Leaky neurons subtract the threshold now, or next: behind the next step's leak.")
    ] = None
    leak: Annotated[
        str | None,
        _reading(
            "Of a leak, which the chip does not have: refuse it, drop it, or make it linear.", show_default="refuse"
        ),
    ] = None
    delay: Annotated[
        str | None,
        _reading(
            "Where branches of unequal delay meet: keep refuses them, drop accepts another timing than the model's.",
            show_default="keep",
        ),
    ] = None
    conv1d: Annotated[
        str | None, _reading("1xk reads each Conv1d as a Conv2d of kernel 1 x k.", show_default="refused")
    ] = None
    input_shape: Annotated[
        str | None, _reading("2,34,34 or 2x34x34 or one number, where the file does not say it.", metavar="C,H,W")
    ] = None

    def given(self) -> dict[str, Any]:
        """Keyword arguments of `nirdynap.read`.

        Raises:
            CompileError: ND126 for an input shape that is not made of whole numbers.
        """
        options = Options.given(self)
        if self.v_min is not None:
            options["v_min"] = _number_or_text(self.v_min)
        if self.input_shape is not None:
            options["input_shape"] = _numbers("input_shape", self.input_shape, "C,H,W or CxHxW or N")
        return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowering(Reading):
    """How a NIR file becomes a spec: the arguments of `nirdynap.nir_to_dynapcnn`."""

    chip: Annotated[
        str | None,
        typer.Option(help="A chip (nirdynap chips), a board's name, or a chip file (.toml).", show_default="speck2f"),
    ] = None
    bias_bits: Annotated[
        int | None, typer.Option(help="8 includes biases in the scale, 16 uses the whole bias word.", show_default="8")
    ] = None
    discretize: Annotated[
        str | None, typer.Option(help="Rule for the integers: max-abs or threshold-aware.", show_default="max-abs")
    ] = None
    calibrate: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Rule for the integers: those that keep the spikes on these recordings."),
    ] = None
    calibrate_budget: Annotated[
        float | None, typer.Option(help="Seconds for --calibrate.", show_default="60", metavar="SECONDS")
    ] = None
    split: Annotated[
        str | None,
        _cores(
            "Layers that fit no core are split over several (auto) or refused (never); or the number of parts by "
            "node, as in conv1=2,conv2=3, other layers staying whole.",
            show_default="auto",
        ),
    ] = None
    placement: Annotated[
        str | None,
        _cores("Core by node, as in conv1=0,conv2=5+6: of a layer that is split the core of each part."),
    ] = None
    avoid: Annotated[str | None, _cores("Cores that stay unused, as in 0,1.")] = None
    trim: Annotated[
        bool | None,
        _cores("Leave out channels and neurons that never fire or that nobody reads.", show_default="no-trim"),
    ] = None

    def given(self) -> dict[str, Any]:
        """Keyword arguments of `nirdynap.nir_to_dynapcnn`.

        Raises:
            CompileError: ND126 for what is not written as the help says, and for two rules.
        """
        options = {name: value for name, value in Reading.given(self).items() if not name.startswith("calibrate")}
        if self.calibrate is not None:
            options["discretize"] = calibration(self.calibrate, self.calibrate_budget, self.discretize)
        elif self.calibrate_budget is not None:
            raise CompileError([_bad_words("calibrate_budget", f"{self.calibrate_budget:g}", "it beside --calibrate")])
        if self.split not in (None, "auto", "never"):
            parts = _by_node("split", self.split)
            options["split"] = {name: _whole("split", number) for name, number in parts.items()}
        if self.placement is not None:
            pins = _by_node("placement", self.placement)
            options["placement"] = {
                name: tuple(_whole("placement", core) for core in cores.split("+")) for name, cores in pins.items()
            }
        if self.avoid is not None:
            options["avoid"] = tuple(_whole("avoid", core) for core in self.avoid.split(","))
        return options


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCamera(Lowering):
    """`Lowering` with the chip's camera as the source, and the slow clock: the arguments `dvs` and `slow_clock`."""

    dvs: Annotated[
        bool | None, _camera("The chip's event camera feeds the network, through its DVS layer.", show_default="no-dvs")
    ] = None
    dvs_polarity: Annotated[str | None, _camera("Events that pass: both, on or off.", show_default="both")] = None
    dvs_pooling: Annotated[
        str | None, _camera("In front of the network: 2,2 is 2 rows by 2 columns.", metavar="Y,X", show_default="1,1")
    ] = None
    dvs_origin: Annotated[
        str | None, _camera("First pixel of the region that the network sees.", metavar="Y,X", show_default="0,0")
    ] = None
    dvs_mirror: Annotated[
        str | None, _camera("Of the region: one or more of y, x, diagonal, with commas.", show_default="none")
    ] = None
    dvs_sensor: Annotated[
        bool | None, _camera("The camera itself is the source, or only events sent to it.", show_default="dvs-sensor")
    ] = None

    slow_clock_hz: Annotated[
        int | None, _chip("Ticks per second of the board's clock, which adds biases.", show_default="none")
    ] = None
    slow_clock_divider: Annotated[
        int | None, _chip("The chip's own clock instead: a tick for 2 to the power of N camera events.", metavar="N")
    ] = None

    def given(self) -> dict[str, Any]:
        """Keyword arguments of `nirdynap.nir_to_dynapcnn`.

        Raises:
            CompileError: ND126 for words that mean nothing, for options of a DVS layer without --dvs, and
                for two clocks.
        """
        options = {name: value for name, value in Lowering.given(self).items() if not name.startswith(("dvs", "slow"))}
        mirrors = [] if self.dvs_mirror is None else self.dvs_mirror.split(",")
        settings: dict[str, Any] = {
            "polarity": self.dvs_polarity,
            "pooling": None if self.dvs_pooling is None else _numbers("dvs_pooling", self.dvs_pooling, "Y,X"),
            "origin": None if self.dvs_origin is None else _numbers("dvs_origin", self.dvs_origin, "Y,X"),
            "pass_sensor_events": self.dvs_sensor,
            **{f"mirror_{axis}": True for axis in mirrors},
        }
        settings = {name: value for name, value in settings.items() if value is not None}
        if unknown := set(mirrors) - {"y", "x", "diagonal"}:
            raise CompileError([_bad_words("dvs_mirror", ",".join(sorted(unknown)), "y, x, diagonal")])
        if settings and not self.dvs:
            raise CompileError([_bad_words("dvs", str(self.dvs), "--dvs beside other options of the DVS layer")])
        if self.dvs:
            from nirdynap.lower.camera import DvsOptions

            options["dvs"] = DvsOptions(**settings)
        if self.slow_clock_hz is not None and self.slow_clock_divider is not None:
            limit = "one clock: --slow-clock-hz or --slow-clock-divider"
            raise CompileError([_bad_words("slow_clock_divider", str(self.slow_clock_divider), limit)])
        if self.slow_clock_hz is not None:
            from nirdynap.ir.clock import ExternalClock

            options["slow_clock"] = ExternalClock(hz=self.slow_clock_hz)
        if self.slow_clock_divider is not None:
            from nirdynap.ir.clock import InternalClock

            options["slow_clock"] = InternalClock(divider=self.slow_clock_divider)
        return options


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChip(OnCamera):
    """`OnCamera` with what else a chip has besides cores: the arguments `decimator` and `readout`."""

    decimator: Annotated[
        str | None, _chip("Each Nth spike of a layer passes: N by node, as in conv1=2,conv2=8.", show_default="none")
    ] = None
    readout: Annotated[
        bool | None, _chip("The chip's readout block counts the spikes of the output.", show_default="no-readout")
    ] = None
    readout_average: Annotated[
        int | None, _chip("Ticks of the slow clock over which it averages: 1, 16 or 32.", show_default="16")
    ] = None
    readout_threshold: Annotated[int | None, _chip("A class passes when its average is greater.", show_default="0")] = (
        None
    )
    readout_output: Annotated[
        str | None, _chip("The Output node that it reads.", show_default="the only one", metavar="NODE")
    ] = None
    readout_value: Annotated[
        str | None,
        _chip(
            "What its 16-bit value is: off, compare (a bit for each class that passes), selected or max (an average).",
            show_default="max",
        ),
    ] = None
    readout_selected: Annotated[
        int | None, _chip("Class from 1 up whose average --readout-value selected is.", show_default="0, none")
    ] = None
    readout_always: Annotated[
        bool | None,
        _chip("The pins tell the largest average even where no class passes.", show_default="no-readout-always"),
    ] = None

    def given(self) -> dict[str, Any]:
        """Keyword arguments of `nirdynap.nir_to_dynapcnn`.

        Raises:
            CompileError: ND126 as for the camera, and for options of a readout block without --readout.
        """
        options = {name: value for name, value in OnCamera.given(self).items() if not name.startswith("readout")}
        if self.decimator is not None:
            every = _by_node("decimator", self.decimator)
            options["decimator"] = {name: _whole("decimator", number) for name, number in every.items()}
        settings = {
            name: getattr(self, f"readout_{name}")
            for name in ("output", "average", "threshold", "value", "selected", "always")
        }
        block: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
        if block and not self.readout:
            raise CompileError(
                [_bad_words("readout", str(self.readout), "--readout beside other options of the block")]
            )
        if self.readout:
            from nirdynap.ir.readout import ReadoutOptions

            options["readout"] = ReadoutOptions(**block)
        return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Options):
    """The time steps: arguments that `simulate`, `verify`, `evaluate` and `diff` share."""

    dt_us: Annotated[int | None, _run("Length of a time step in µs.", show_default="the file's, or 1000")] = None
    duration_us: Annotated[
        int | None,
        _run("Length of event recordings in µs.", show_default="the file's, or up to the last event"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing(Steps):
    """Options of an event run and of the time steps: the arguments that `simulate` and `verify` share."""

    order: Annotated[str | None, _run("Event run: depth or breadth.", show_default="depth")] = None
    emission: Annotated[
        str | None, _run("Event run, order of spikes born of one event: raster or channel.", show_default="raster")
    ] = None
    bias_clock_us: Annotated[
        int | None, _run("Event run: period of the bias clock in µs.", show_default="the spec's slow clock")
    ] = None


_SEMANTICS = "clocked (time steps) or event (the asynchronous chip): two different answers."
_Saturate = Annotated[
    bool | None, _run("Clocked run: hold membranes in 16 bits, or not (as sinabs).", show_default="saturate")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running(Timing):
    """How a spec is run: the arguments of `nirdynap.simulate`."""

    semantics: Annotated[str | None, _run(_SEMANTICS, show_default="clocked")] = None
    record: Annotated[
        str | None, _run("all: the file of --output also holds each core's spikes.", show_default="outputs")
    ] = None
    saturate: _Saturate = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluating(Timing):
    """How a spec is run on a data set, and by whom: arguments of `nirdynap.evaluate`."""

    semantics: Annotated[str | None, _run(_SEMANTICS, show_default="event")] = None
    saturate: _Saturate = None
    workers: Annotated[int | None, _workers("Processes.", show_default="one for each processor")] = None
    group_size: Annotated[int | None, _workers("Samples that go to a worker together.", show_default="16")] = None
    in_flight: Annotated[
        int | None, _workers("Groups that are in memory at a time.", show_default="2 for each worker")
    ] = None


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text  # "none", "-threshold", or something that the reader refuses


def _by_node(option: str, text: str | None) -> dict[str, str]:
    """A list such as conv1=2,conv2=3, each name once."""
    pairs = [part.rpartition("=") for part in (text or "").split(",")]
    if any(not name for name, _, _ in pairs):
        limit = "a list such as conv1=2,conv2=3" + ", or auto or never" * (option == "split")
        raise CompileError([_bad_words(option, text or "", limit)])
    found = {name: value for name, _, value in pairs}
    if len(found) < len(pairs):
        names = [name for name, _, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        limit = f"{twice} once" + f": --placement {twice}=0+1 names the core of each part" * (option == "placement")
        raise CompileError([_bad_words(option, text or "", limit)])
    return found


def _whole(option: str, text: str) -> int:
    if text.isdecimal():
        return int(text)
    raise CompileError([_bad_words(option, text, "a whole number from 0 up")])


def _numbers(parameter: str, text: str, form: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in re.split("[,x]", text))
    except ValueError:
        raise CompileError([_bad_words(parameter, text, form)]) from None


def _bad_words(parameter: str, value: str, limit: str) -> Diagnostic:
    return BAD_OPTION.at(f"$.{parameter}", parameter=parameter, value=value, limit=limit)
