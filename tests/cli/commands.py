"""Runs commands as a user does, and small files to run them on."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
from typer.testing import CliRunner, Result

from nirdynap.cli.main import app
from nirdynap.schema import validate


def run(*words: object) -> Result:
    """The command in this process; an exception that nobody foresaw is raised here."""
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert "Traceback" not in result.stderr
    return result


def ask(*words: object, code: int = 0) -> dict[str, Any]:
    """The JSON document that the command prints with --json: one, valid, and nothing else."""
    result = run(*words, "--json")
    assert result.exit_code == code, result.stderr
    assert result.stderr == ""
    document: dict[str, Any] = json.loads(result.stdout)
    assert validate(document, "result-v1") == ()
    return document


def codes(document: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in document["diagnostics"]]


def process(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "nirdynap.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


def write_graph(path: Path, *, names: tuple[str, str] = ("conv", "fc"), features: int = 4) -> Path:
    """A network of two spiking layers with pooling and Flatten, weights of small dyadic numbers."""
    rng = np.random.default_rng(7)

    def weights(*shape: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        return rng.integers(-8, 24, size=shape) / 32

    conv, fc = names
    nodes = {
        "input": nir.Input({"input": np.array([2, 8, 8])}),
        conv: nir.Conv2d((8, 8), weights(features, 2, 3, 3), 1, 1, 1, 1, np.zeros(features)),
        "if1": nir.IF(np.ones((features, 8, 8)), np.ones((features, 8, 8))),
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([features, 4, 4])}, 0, -1),
        fc: nir.Linear(weights(3, features * 16)),
        "if2": nir.IF(np.ones(3), np.ones(3)),
        "output": nir.Output({"output": np.array([3])}),
    }
    order = list(nodes)
    nir.write(path, nir.NIRGraph(nodes=nodes, edges=list(pairwise(order))))
    return path


def write_events(path: Path, *, samples: int = 3, **extra: Any) -> Path:
    """Random events of an input (2, 8, 8) in several samples of some 20 ms, with labels."""
    rng = np.random.default_rng(11)
    sizes = rng.integers(50, 80, size=samples)
    t = np.concatenate([np.sort(rng.integers(0, 20_000, size=n)) for n in sizes])
    addresses = {name: rng.integers(0, size, size=len(t)) for name, size in (("c", 2), ("y", 8), ("x", 8))}
    start = np.cumsum([0, *sizes])
    np.savez(path, t=t, **addresses, start=start, label=rng.integers(0, 3, size=samples), **extra)
    return path
