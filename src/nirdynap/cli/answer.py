"""What a command answers, and how that leaves the process: one JSON document, or tables and diagnostics."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, NoReturn, TextIO

import typer
from rich.console import Console, RenderableType
from rich.table import Table

from nirdynap import __version__
from nirdynap.cli.options import Options
from nirdynap.cli.screen import console, lines, needed_width
from nirdynap.errors import (
    BAD_CHIP_FILE,
    BAD_CHIP_RECORDINGS,
    BAD_FRAMEWORK_OUTPUTS,
    BAD_OPTION,
    BAD_RECORDING_FILE,
    BAD_RUN_OPTION,
    DAMAGED_PART,
    LABEL_OUTSIDE,
    NO_SLOW_CLOCK,
    NO_TICKS,
    NOT_A_NIR_FILE,
    NOT_IN_NIR,
    NOTHING_TO_EVALUATE,
    OTHER_RUN,
    SYSTEM_ERROR,
    UNKNOWN_CHIP,
    UNKNOWN_CONVENTION,
    UNREADABLE_FILE,
    VENDOR_REFUSES,
    WORKERS_LOST,
    WRONG_FILE_VERSION,
    Diagnostic,
    NirdynapError,
    errors_of,
)

# What a network is approximated by is told where it is looked at, not again on every run of it.
_TELL_NOTES = ("check", "convert", "export", "show", "demo")
_FOUND_BY_RUNNING = "ND7"

_NOT_THE_NETWORK = {
    kind.code
    for kind in (
        *(UNREADABLE_FILE, NOT_A_NIR_FILE, WRONG_FILE_VERSION, BAD_RECORDING_FILE, BAD_CHIP_FILE),
        *(UNKNOWN_CONVENTION, UNKNOWN_CHIP, BAD_OPTION, BAD_RUN_OPTION),
        *(BAD_CHIP_RECORDINGS, BAD_FRAMEWORK_OUTPUTS),
        *(NOTHING_TO_EVALUATE, OTHER_RUN, WORKERS_LOST, LABEL_OUTSIDE, DAMAGED_PART),
    )
}


# Findings of specs that are about the network all the same: what it cannot be exported to.
_THE_NETWORK = {kind.code for kind in (NOT_IN_NIR, NO_SLOW_CLOCK, NO_TICKS, VENDOR_REFUSES)}


class ExitCode(IntEnum):
    """What a script learns: the same meaning for every command."""

    DONE = 0
    REFUSED = 1  # the network does not fit, or cannot be read, converted or run as asked
    USAGE = 2  # wrong words, or a file that cannot be read or written
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Outcome of a command.

    Attributes:
        body: for --json, as schemas/result-v1 says for this command; None when errors left no answer.
        diagnostics: every finding, errors first.
        tables: for people, top to bottom.
        code: how the process exits, where the diagnostics do not decide it.
    """

    body: Mapping[str, Any] | None
    diagnostics: tuple[Diagnostic, ...] = ()
    tables: tuple[RenderableType, ...] = ()
    code: ExitCode | None = None


def command(function: Callable[..., Answer]) -> Callable[..., None]:
    """What typer runs for `function`: the fields of its groups of options become options, and --json is added."""
    groups: dict[str, type[Options]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        if isinstance(parameter.annotation, type) and issubclass(parameter.annotation, Options):
            groups[name] = parameter.annotation
            parameters += inspect.signature(parameter.annotation, eval_str=True).parameters.values()
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    as_json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout (schemas/result-v1).")]
    parameters.append(inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=as_json))

    def run(*, as_json: bool, **words: Any) -> None:
        for name, group in groups.items():
            words[name] = group(**{field.name: words.pop(field.name) for field in dataclasses.fields(group)})
        respond(function.__name__, lambda: function(**words), as_json=as_json)

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def respond(name: str, ask: Callable[[], Answer], *, as_json: bool) -> NoReturn:
    """Ask, print the answer, and leave with its exit code.

    Raises:
        typer.Exit: always.
    """
    try:
        answer = _attempt(ask)
        code = exit_code(answer.diagnostics) if answer.code is None else answer.code
        _print(name, answer, as_json=as_json)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough
        _abandon(sys.stdout, sys.stderr)
    except OSError as error:  # such as a full disk
        _abandon(sys.stdout)
        sys.stderr.write(f"{_system_error(error, '<stdout>')}\n")
        code = ExitCode.USAGE
    raise typer.Exit(code)


def exit_code(findings: Iterable[Diagnostic]) -> ExitCode:
    """The exit code that `findings` ask for."""
    errors = errors_of(findings)
    if any(_is_usage(error) for error in errors):
        return ExitCode.USAGE
    return ExitCode.REFUSED if errors else ExitCode.DONE


def document(name: str, answer: Answer) -> dict[str, Any]:
    """The answer as schemas/result-v1 says."""
    return {
        "schema": "result-v1",
        "command": name,
        "nirdynap": __version__,
        "diagnostics": plain(answer.diagnostics),
        "body": answer.body,
    }


def plain(value: Any) -> Any:
    """`value` in dicts, lists, strings, numbers, booleans and None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no infinity
    if hasattr(value, "tolist"):
        return plain(value.tolist())  # numpy's arrays and numbers
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(part) for part in value]
    return value


def _attempt(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except NirdynapError as error:
        return Answer(body=None, diagnostics=error.diagnostics)
    except (OSError, MemoryError) as error:
        return Answer(body=None, diagnostics=(_system_error(error, "$"),))


def _system_error(error: OSError | MemoryError, place: str) -> Diagnostic:
    if isinstance(error, MemoryError):
        return SYSTEM_ERROR.at(place, value=str(error) or "out of memory")
    return SYSTEM_ERROR.at(str(error.filename or place), value=error.strerror or str(error))


def _abandon(*streams: TextIO) -> None:
    """What is still buffered goes nowhere, so that the exit does not try to write it once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())


def _is_usage(error: Diagnostic) -> bool:
    """Is it about the words and files given, rather than about what is in the network?"""
    if error.place.startswith("$.nodes.") or error.code in _THE_NETWORK:
        return False
    return error.code in _NOT_THE_NETWORK or error.code.startswith(("ND6", "ND9"))


def _print(name: str, answer: Answer, *, as_json: bool) -> None:
    if as_json:
        text = json.dumps(document(name, answer), allow_nan=False)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        return
    # Rendered as a whole first: rich would deal with a closed pipe in its own way.
    out, err = console(), console(stderr=True)
    _write(out, answer.tables)
    _write(err, lines(finding for finding in answer.diagnostics if _is_told(name, finding)))


def _is_told(name: str, finding: Diagnostic) -> bool:
    return finding.severity != "note" or name in _TELL_NOTES or finding.code.startswith(_FOUND_BY_RUNNING)


def _write(screen: Console, parts: Iterable[RenderableType]) -> None:
    with screen.capture() as captured:
        for number, part in enumerate(parts):
            if isinstance(part, Table):
                screen.print("\n" * (number > 0), end="")
                screen.print(part, width=needed_width(screen, part), crop=False)
            else:
                screen.print(part, soft_wrap=True)
    written = (text.rstrip() for text in captured.get().splitlines())
    screen.file.write("".join(f"{text}\n" for text in written))
    screen.file.flush()
