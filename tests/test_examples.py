"""The shipped example is what its script makes."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "digits"


@pytest.mark.slow
def test_training_again_gives_the_same_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLE / "train.py", "--output", tmp_path], check=True)
    for name in ("digits.nir", "digits_test.npz"):
        assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes(), name
