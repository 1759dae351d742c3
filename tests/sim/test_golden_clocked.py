"""Recorded runs: sinabs' integer networks and a real chip's first layer."""

import json

import numpy as np
import pytest
import torch

from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination, InputPort, OutputPort
from nirdynap.nn import dynapcnn_to_torch
from nirdynap.sim import simulate
from nirdynap.testing.build import build_core, build_spec

CASES = (
    *("avgpool", "biases", "branch_merge", "cnn_sinabs", "conv_only", "fc_only", "multispike", "pool2"),
    *("reset_zero", "sinabs_net3", "stride2", "two_pool_dest"),
)


def load(shared_data, case):
    folder = shared_data / "sinabs_golden" / case
    with np.load(folder / "expected.npz") as arrays:
        return json.loads((folder / "expected.json").read_text()), dict(arrays)


def spec_of(facts, arrays):
    """The network as sinabs placed it; negative destinations are its exits."""
    cores, outputs = [], []
    core_of = {layer["index"]: layer["core"] for layer in facts["layers"]}
    for layer in facts["layers"]:
        slots = [(d, pool[0]) for d, pool in zip(layer["destinations"], layer["pool"], strict=True)]
        shape = layer["config"]["dimensions"]
        bias = arrays[f"L{layer['index']}_biases"]
        cores.append(
            build_core(
                layer["core"],
                arrays[f"L{layer['index']}_weights"],
                tuple(layer["in_shape"]),
                bias=bias if bias.any() else None,
                stride=(shape["stride"]["y"], shape["stride"]["x"]),
                padding=(shape["padding"]["y"], shape["padding"]["x"]),
                threshold_high=layer["threshold"],
                threshold_low=layer["min_v_mem"],
                return_to_zero=layer["reset_fn"].startswith("MembraneReset"),
                destinations=[Destination(core=core_of[d], pooling=pool) for d, pool in slots if d >= 0],
            )
        )
        outputs += [OutputPort(layer["core"], pool, f"exit{-d}") for d, pool in slots if d < 0]
    return build_spec(*cores, inputs=[InputPort(core_of[k], 0) for k in facts["entry_points"]], outputs=outputs)


def run_simulator(spec, raster):
    return simulate(spec, raster, saturate=False, record="all")


def run_torch(spec, raster):
    return dynapcnn_to_torch(spec, saturate=False, record="all").run(torch.from_numpy(raster)[:, None])


def test_every_sound_case_is_tested(shared_data):
    sound = {
        path.parent.name
        for path in (shared_data / "sinabs_golden").glob("*/expected.json")
        if "defect" not in json.loads(path.read_text())["info"]
    }
    assert sound == set(CASES)


@pytest.mark.parametrize("run", [run_simulator, run_torch])
@pytest.mark.parametrize("case", CASES)
def test_spikes_and_membranes_of_every_layer_equal_those_of_sinabs(shared_data, case, run):
    facts, arrays = load(shared_data, case)
    spec = spec_of(facts, arrays)
    result = run(spec, arrays["input"])
    for layer in facts["layers"]:
        k, core = layer["index"], layer["core"]
        np.testing.assert_array_equal(result.rasters[core][:, 0], arrays[f"L{k}_spikes"])
        np.testing.assert_array_equal(result.membranes[core][0], arrays[f"L{k}_vmem_final"])
        for d in (d for d in layer["destinations"] if d < 0):
            np.testing.assert_array_equal(result.output_rasters[f"exit{-d}"][:, 0], arrays[f"L{k}_to_{d}"])


def test_first_layer_spikes_as_on_the_recorded_chip(shared_data):
    spec = spec_of(*load(shared_data, "cnn_sinabs"))
    ours, chip = [], []
    with np.load(shared_data / "nmnist_speck" / "speck_digits_0_4.npz") as recorded:
        for digit in range(5):
            x, y, t, p = recorded[f"events_{digit}"].T
            ours.append(simulate(spec, Events(t=t, c=p, y=y, x=x), "event").counts[0][0])
            chip.append(recorded[f"counts_{digit}"].astype(int))
    difference = np.abs(np.array(ours) - np.array(chip))
    assert (difference == 0).mean() >= 0.97
    assert (difference <= 1).mean() >= 0.998
    assert abs(np.sum(ours) / np.sum(chip) - 1) <= 0.003
