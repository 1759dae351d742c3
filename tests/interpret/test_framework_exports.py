"""Real exports: the interpreter gives the spikes that the frameworks themselves gave, every layer, every step."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from nirdynap.ir.convention import CONVENTIONS, Convention

TYPES = {"Input", "Output", "Conv2d", "Linear", "Affine", "IF", "SumPool2d", "AvgPool2d", "Flatten", "Scale"}
FOLDERS = {
    "sinabs": "sinabs",
    "sinabs_nir108": "sinabs",
    "norse": "norse",
    "norse_nir104": "norse",
    "norse_git": "norse",
    "spikingjelly": "spikingjelly",
    "spyx": "spyx",
    "mlxsnn": "mlx-snn",
    "nirtorch": "torch",
}


def meant(folder: str, exact_under: dict) -> Convention:
    """The folder's convention with what the framework's model really did."""
    bound = exact_under.get("vmin", "none")
    return dataclasses.replace(
        CONVENTIONS[FOLDERS[folder]],
        tie={">=": "fires", ">": "waits"}[exact_under["cmp"]],
        reset={"sub": "subtract", "v_reset": "zero"}[exact_under["reset"]],
        spikes_per_step="many" if exact_under.get("multi") else "one",
        v_min="-threshold" if bound == "thr" else bound,
        gain="r*dt" if exact_under.get("ifgain") == "rdt" else "r",
        dt=exact_under.get("dt"),
        flatten=exact_under.get("flat", "chw"),
        delay=int(exact_under.get("order") == "spyx" or exact_under.get("shift") == 1),
    )


def differences(path: Path, convention: Convention) -> dict[str, int]:
    """Per spiking layer of the framework's own run, how many of its spikes are otherwise here."""
    network = read(path, convention)
    with np.load(path.with_suffix(".npz")) as file:
        recorded = dict(file)
    raster = recorded["input"].reshape(-1, 1, *network.input.input_shape)
    rasters = interpret(network, raster, record="all").rasters
    layers = {key.removeprefix("spk__"): spikes for key, spikes in recorded.items() if key.startswith("spk__")}
    assert layers
    ours = {layer: rasters[layer if layer in rasters else f"_{layer}"] for layer in layers}
    return {k: int(np.count_nonzero(ours[k] != spikes.reshape(ours[k].shape))) for k, spikes in layers.items()}


@pytest.fixture(scope="module")
def results(shared_data: Path) -> dict[str, dict[str, int]]:
    folder = shared_data / "framework_exports"
    found = {}
    for entry in json.loads((folder / "INDEX.json").read_text()):
        if entry["verdict"] != "E" or not set(entry["types"]) <= TYPES:
            continue
        path = folder / entry["framework"] / f"{entry['name']}.nir"
        try:
            found[f"{entry['framework']}/{entry['name']}"] = differences(
                path, meant(entry["framework"], entry["exact_under"])
            )
        except CompileError:
            continue  # what the reader refuses is its own tests' business
    return found


def test_every_layer_spikes_as_in_its_framework(results: dict[str, dict[str, int]]) -> None:
    wrong = {name: layers for name, layers in results.items() if any(layers.values())}
    assert wrong == {}


def test_most_files_were_run(results: dict[str, dict[str, int]]) -> None:
    assert len(results) >= 60
    assert {name.split("/")[0] for name in results} == set(FOLDERS)
