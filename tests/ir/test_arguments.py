"""What is given where something else is due is named, with what makes the right thing of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nirdynap
from nirdynap.errors import InputError
from nirdynap.sim import ClockedSimulator, EventSimulator
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.samna_stand_in import samna_stand_in

SPEC = build_spec(build_core(0, [[[[5]]]], (1, 1, 1), threshold_high=10))
EVENTS = nirdynap.Events.from_raster([[[[4]]]])
BOARDS = ["Speck2fModuleDevKit"]


def deployed(spec: Any) -> None:
    with nirdynap.deploy(spec, samna_stand_in(BOARDS), settle_s=0):
        pass


TAKE_A_SPEC: list[Callable[[Any], object]] = [
    lambda spec: nirdynap.simulate(spec, EVENTS),
    lambda spec: nirdynap.simulate(spec, EVENTS, "event"),
    EventSimulator,
    ClockedSimulator,
    lambda spec: nirdynap.evaluate(spec, [EVENTS]),
    nirdynap.configuration,
    lambda spec: nirdynap.to_samna(spec, samna_stand_in()),
    deployed,
    lambda spec: nirdynap.save(spec, "never.h5"),
    nirdynap.dynapcnn_to_torch,
    nirdynap.dynapcnn_to_nir,
    nirdynap.validate,
]


@pytest.mark.parametrize("call", TAKE_A_SPEC)
@pytest.mark.parametrize(
    ("given", "found", "remedy"),
    [
        ("net.nir", "the text or path 'net.nir' was", r"nirdynap\.nir_to_dynapcnn\('net\.nir'\)"),
        (Path("net.h5"), r"the text or path 'net\.h5' was", r"nirdynap\.load\('net\.h5'\)"),
        (None, "None was", r"nirdynap\.nir_to_dynapcnn\(graph\), which makes one, or nirdynap\.load"),
        (EVENTS, "an Events was", "nirdynap.nir_to_dynapcnn"),
    ],
)
def test_a_spec_is_due(call: Callable[[Any], object], given: Any, found: str, remedy: str) -> None:
    with pytest.raises(
        InputError, match=rf"^ND513 wrong argument, at \$\.spec: {found} given .* a Spec .*; try {remedy}"
    ):
        call(given)


STRUCTURED = EVENTS.to_structured()


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        (STRUCTURED, r"a structured array of shape \(4,\) .*nirdynap\.Events\.from_structured\(array\)"),
        ("recording.npz", r"the text or path 'recording\.npz' .*numpy\.load"),
        (None, r"None was .*nirdynap\.Events"),
        ({"t": [0]}, r"a dict was .*nirdynap\.Events"),
    ],
)
def test_a_recording_is_due(given: Any, remedy: str) -> None:
    with pytest.raises(InputError, match=rf"^ND513 .*\$\.recording: {remedy}"):
        nirdynap.simulate(SPEC, given)
    with (
        nirdynap.deploy(SPEC, samna_stand_in(BOARDS), settle_s=0) as board,
        pytest.raises(InputError, match=rf"^ND513 .*\$\.events: {remedy}"),
    ):
        board.run(given, quiet_s=0)


def test_a_label_beside_a_recording() -> None:
    """What data sets hand out as one of their samples."""
    with pytest.raises(
        InputError, match=r"^ND513 .*: 7 was given where one more Events object is due; try Events alone"
    ):
        nirdynap.simulate(SPEC, (EVENTS, 7))  # type: ignore[arg-type]


def test_a_tensor_with_gradients_is_no_raster() -> None:
    with pytest.raises(InputError, match=r"^ND504 bad raster, at \$\.raster: .*detach\(\)"):
        nirdynap.simulate(SPEC, torch.zeros(1, 1, 1, 1, requires_grad=True))


@pytest.mark.parametrize("given", [EVENTS, np.zeros((1, 1, 1, 1, 1)), None])
def test_the_torch_module_takes_tensors(given: Any) -> None:
    with pytest.raises(InputError, match=r"^ND513 .*\$\.raster: .* a torch\.Tensor is due; try torch\.as_tensor"):
        nirdynap.dynapcnn_to_torch(SPEC)(given)


def test_a_sample_of_a_data_set_that_is_a_path() -> None:
    with ThreadPoolExecutor(1) as executor:
        summary = nirdynap.evaluate(SPEC, ["recording.npz"], executor)
    assert summary.failures[0].reason.startswith(
        "ND513 wrong argument, at $.recording: the text or path 'recording.npz'"
    )


def test_a_board_takes_no_raster() -> None:
    with (
        nirdynap.deploy(SPEC, samna_stand_in(BOARDS), settle_s=0) as board,
        pytest.raises(InputError, match=r"^ND513 .*an array of int64 of shape .*try nirdynap\.Events\.from_raster"),
    ):
        board.run(np.ones((1, 1, 1, 1), np.int64), quiet_s=0)


@pytest.mark.parametrize(
    "call",
    [
        lambda path: nirdynap.save(SPEC, path),
        nirdynap.load,
        lambda path: nirdynap.write(nirdynap.dynapcnn_to_nir(SPEC), path),
        lambda path: nirdynap.evaluate(SPEC, [EVENTS], output=path),
    ],
)
def test_a_path_is_due(call: Callable[[Any], object]) -> None:
    with pytest.raises(InputError, match=r"^ND513 .*\$\.(path|output): 3 was given where the path of a file is due"):
        call(3)
