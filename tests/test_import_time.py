"""`import nirdynap` is cheap."""

import subprocess
import sys

CODE = "import time; start = time.perf_counter(); import nirdynap; print(time.perf_counter() - start)"


def test_import_takes_less_than_0_3_s():
    # Nothing speeds an import up, so the fastest of some is what it takes.
    runs = [subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True) for _ in range(3)]
    assert min(float(run.stdout) for run in runs) < 0.3
