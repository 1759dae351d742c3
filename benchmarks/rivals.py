"""Peers in processes of their own: how they are had, started and asked."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from workloads import back_to_zero

from nirdynap.ir.spec import Spec

HERE = Path(__file__).resolve().parent
LIVE = HERE.parent / "tests" / "live"
MAKE = "import sys, live; print(live.make(sys.argv[1]))"
"""The environments of `make live`, in .venv-live/: the same frameworks, held at the same versions."""


class RivalError(Exception):
    """A peer that cannot be had, does not start or breaks down; the message is for the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A framework beside which we run.

    Attributes:
        name: of its package.
        title: of its neurons, for the page.
        zero: its neurons go to zero when they fire, instead of by the threshold down.
        one_spike: its neurons fire once in a step at most.
        note: in what its network differs from ours as it is, and what was done about it.
    """

    name: str
    title: str
    note: str
    zero: bool = False
    one_spike: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """Those of our clocked run that is the same network."""
        return {"spikes_per_step": "one"} if self.one_spike else {}

    def twin(self, spec: Spec) -> Spec:
        """Our network with this peer's neurons."""
        return back_to_zero(spec) if self.zero else spec


RIVALS = (
    Rival(
        name="sinabs",
        title="sinabs",
        note="`Conv2d` or `Linear`, `IAFSqueeze`, `SumPool2d`, all steps of a layer at once. These are the layers of "
        "its `DynapcnnNetwork`, which imports the vendor's `samna` and so cannot be had by itself. Its neurons are the "
        "chip's: several spikes in a step, subtraction, a lower bound.",
    ),
    Rival(
        name="snntorch",
        title="snnTorch",
        note="`Leaky(beta=1)`: one spike of a neuron in a step, as in our run beside it. It knows no lower bound: a "
        "clamp between the steps holds it. It fires above the threshold and not at it: membranes begin at a half.",
        one_spike=True,
    ),
    Rival(
        name="norse",
        title="Norse",
        note="`IAFCell`: one spike of a neuron in a step, and it knows no subtraction: both networks go to zero where "
        "they fire. Clamp and half as with snnTorch.",
        zero=True,
        one_spike=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """A peer, and the Python that has it, or why there is none."""

    rival: Rival
    python: Path | None = None
    versions: str = ""
    missing: str = ""


def have(rival: Rival, pythons: Mapping[str, Path], *, install: bool) -> Had:
    """The Python that stands ready for a peer, or one made now; and does it start?"""
    try:
        if rival.name not in pythons and not install:
            raise RivalError("not asked for")
        python = pythons.get(rival.name) or _installed(rival.name)
        with start(rival, python) as session:
            return Had(rival=rival, python=python, versions=session.versions)
    except RivalError as error:
        return Had(rival=rival, missing=str(error))


def _installed(name: str) -> Path:
    print(f"{name}: looking for its environment; the first time this installs gigabytes ...", flush=True)
    command = [sys.executable, "-c", MAKE, name]
    made = subprocess.run(command, cwd=LIVE, capture_output=True, text=True, check=False)
    if made.returncode:
        raise RivalError(f"could not be installed: {_last_words(made.stderr)}")
    return Path(made.stdout.splitlines()[-1])


def _last_words(text: str) -> str:
    """What pip says first, and not the traceback of who called it; or where a traceback ends."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors[:1] or lines[-1:] or ["without a word"])[0]


@contextlib.contextmanager
def start(rival: Rival, python: Path) -> Iterator[Session]:
    """A fresh process of a peer: its peak of memory is that of what it is asked."""
    command = [python, "-W", "ignore", HERE / f"peer_{rival.name}.py"]
    environment, pipe = {**os.environ, "OMP_NUM_THREADS": "1"}, subprocess.PIPE
    with tempfile.TemporaryFile("w+") as errors:  # a pipe that nobody reads would fill up
        try:
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment)
        except OSError as error:
            raise RivalError(f"did not start: {error.strerror}") from None
        with process:  # the end of its input ends it
            yield Session(process, errors)


class Session:
    """What a peer's process is asked.

    Attributes:
        versions: of the framework and of torch, for the page.
        ready_bytes: peak of memory before the first question.
    """

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self._process, self._errors = process, errors
        hello = self._answer("did not start")
        self.ready_bytes: int = hello["ready_bytes"]
        self.versions = ", ".join(f"{name} {version}" for name, version in hello["versions"].items())

    def run(self, path: Path, batch: int) -> dict[str, Any]:
        """One run of the first recordings of a file of `workloads.arrays_of`: seconds, spikes, peak_bytes."""
        assert self._process.stdin is not None
        line = json.dumps({"path": str(path), "batch": batch}) + "\n"
        with contextlib.suppress(BrokenPipeError):  # its last words say more
            os.write(self._process.stdin.fileno(), line.encode())
        return self._answer("broke down")

    def _answer(self, otherwise: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._errors.seek(0)
            raise RivalError(f"{otherwise}: {_last_words(self._errors.read())} (exit code {code})")
        answer: dict[str, Any] = json.loads(line)
        return answer
