"""The command `nirdynap`: its list of commands, and what happens to words that none of them understands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, cast

import typer

from nirdynap import __version__
from nirdynap.cli.answer import Answer, command, respond
from nirdynap.cli.check import check
from nirdynap.cli.chips import chips
from nirdynap.cli.convert import convert
from nirdynap.cli.demo import demo
from nirdynap.cli.diff import diff
from nirdynap.cli.evaluate import evaluate
from nirdynap.cli.export import export
from nirdynap.cli.locate import locate
from nirdynap.cli.sensitivity import sensitivity
from nirdynap.cli.show import show
from nirdynap.cli.simulate import simulate
from nirdynap.cli.verify import verify
from nirdynap.errors import BAD_COMMAND_LINE

COMMANDS = {
    f.__name__: f
    for f in (check, convert, export, show, simulate, evaluate, verify, locate, diff, sensitivity, chips, demo)
}

app = typer.Typer(
    name="nirdynap",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _function in COMMANDS.items():
    app.command(_name)(command(_function))

# Newer releases of typer bring click along under a private name; the class is found through a public one.
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.mro()[1])


@app.callback(invoke_without_command=True)
def nirdynap(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Tell the version.")] = False,
) -> None:
    """From a NIR graph to DYNAP-CNN / Speck: check, convert, simulate, evaluate, verify. New? Try: nirdynap demo"""
    if version:
        typer.echo(f"nirdynap {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
    else:
        return
    raise typer.Exit


def main(words: Sequence[str] | None = None) -> None:
    """Run the words of the command line (default: those of the process) and exit.

    Exit code 0: done. 1: the network is refused. 2: wrong words, or a file that cannot be read or written.
    """
    words = list(sys.argv[1:] if words is None else words)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without a letter is no reason to fail
    try:
        code = app(words, prog_name="nirdynap", standalone_mode=False)
    except _UsageError as error:
        code = _refuse(words, error.format_message())
    sys.exit(code)


def _refuse(words: Sequence[str], message: str) -> int:
    name = next((word for word in words if word in COMMANDS), None)
    finding = BAD_COMMAND_LINE.at("$.argv", value=message.rstrip("."), command=f"{name} " if name else "")
    try:
        respond(
            name or "nirdynap",
            lambda: Answer(body=None, diagnostics=(finding,)),
            as_json=bool(name) and "--json" in words,
        )
    except typer.Exit as leave:
        return int(leave.exit_code)  # a plain number prints as one on every Python
