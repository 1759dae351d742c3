"""A fresh process: how long until the first result, and how much memory.

    python benchmarks/fresh.py FOLDER SEMANTICS BATCH

runs FOLDER/spec.h5 on the first recordings of FOLDER/recordings.npz and prints one line of JSON. It is what a user does
who loads a network and runs it, and nothing else.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

BEGIN = time.perf_counter()
import nirdynap  # noqa: E402

IMPORTED = time.perf_counter() - BEGIN
HEAVY = sorted({"numba", "torch", "nir"} & set(sys.modules))

import numpy as np  # noqa: E402


def main(folder: Path, semantics: str, batch: int) -> None:
    """Load, run twice, tell."""
    from peak import peak_bytes

    arrays = np.load(folder / "recordings.npz")
    recordings = [nirdynap.Events.from_structured(arrays[str(k)]) for k in range(batch)]
    spec = nirdynap.load(folder / "spec.h5")
    ready = peak_bytes()
    nirdynap.simulate(spec, recordings, semantics, threads=1)
    first = time.perf_counter() - BEGIN
    print(
        json.dumps(
            {
                "import_s": IMPORTED,
                "heavy_after_import": HEAVY,
                "first_result_s": first,
                "ready_bytes": ready,
                "peak_bytes": peak_bytes(),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
