"""The shipped example is what its script makes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import nirdynap

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "digits"


@pytest.mark.slow
def test_training_again_gives_the_same_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLE / "train.py", "--output", tmp_path], check=True)
    for name in ("digits.nir", "digits_test.npz"):
        assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes(), name


def finetuned(folder: Path, *options: str) -> str:
    """What finetune.py prints."""
    command = [sys.executable, EXAMPLE / "finetune.py", "--output", folder, *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_finetuning_goes_through_to_a_spec_and_its_graph(tmp_path: Path) -> None:
    printed = finetuned(tmp_path, "--epochs", "1")
    assert "plain    355 of 360 right,  141.4 million synaptic operations" in printed
    spec = nirdynap.load(tmp_path / "finetuned.h5")
    assert spec != nirdynap.nir_to_dynapcnn(EXAMPLE / "digits.nir")
    assert nirdynap.nir_to_dynapcnn(tmp_path / "finetuned.nir") == spec


@pytest.mark.slow
def test_finetuning_saves_synaptic_operations_and_keeps_the_accuracy(tmp_path: Path) -> None:
    """The numbers of the notebook, which are within 0.3 points of the floats', less what another machine rounds."""
    printed = finetuned(tmp_path / "once")
    right, operations = re.search(r"trained +(\d+) of 360 right, +([\d.]+) million", printed).groups()
    assert int(right) >= 354
    assert float(operations) < 0.75 * 141.4
    finetuned(tmp_path / "again")
    assert nirdynap.load(tmp_path / "once" / "finetuned.h5") == nirdynap.load(tmp_path / "again" / "finetuned.h5")
