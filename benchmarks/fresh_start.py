"""Starts fresh.py: how long until a first result, and how much memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from workloads import Workload

import nirdynap

HERE = Path(__file__).resolve().parent


def fresh_start(work: Workload, batch: int, semantics: str, **environment: str) -> dict[str, Any]:
    """What fresh.py tells of a start in this environment."""
    with tempfile.TemporaryDirectory() as folder:
        nirdynap.save(work.spec, Path(folder) / "spec.h5")
        recordings = {str(k): recording.to_structured() for k, recording in enumerate(work.recordings[:batch])}
        np.savez(Path(folder) / "recordings.npz", **recordings)
        command = [sys.executable, HERE / "fresh.py", folder, semantics, str(batch)]
        variables = {**os.environ, **environment}
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=variables).stdout
        told: dict[str, Any] = json.loads(output)
        return told


def starts(work: Workload, times: int, *, compile_too: bool) -> dict[str, Any]:
    """Seconds until the first result of one recording: with a filled compile cache, and with none if that is wanted."""
    row: dict[str, Any] = {}
    for semantics in ("clocked", "event"):
        cached = [fresh_start(work, 1, semantics) for _ in range(times)]
        row[semantics] = {"cached_s": min(one["first_result_s"] for one in cached)}
        if compile_too:
            with tempfile.TemporaryDirectory() as empty:
                row[semantics]["compile_s"] = fresh_start(work, 1, semantics, NUMBA_CACHE_DIR=empty)["first_result_s"]
        row["import_s"] = min([row.get("import_s", np.inf), *(one["import_s"] for one in cached)])
        row["heavy_after_import"] = cached[0]["heavy_after_import"]
    return row
