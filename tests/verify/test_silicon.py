"""The last rung: a chip's spikes, here those of the simulated chip, changed at known places."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import pytest

import nirdynap
from nirdynap import ChipRecordings, Events
from nirdynap.errors import InputError
from nirdynap.store.chip_recordings import read_chip_recordings
from nirdynap.verify import Verification, verify


def network() -> nir.NIRGraph:
    rng = np.random.default_rng(5)
    nodes = {
        "in": nir.Input({"input": np.array([1, 4, 4])}),
        "conv": nir.Conv2d(None, rng.uniform(0, 1, (4, 1, 2, 2)), 1, 0, 1, 1, np.zeros(4)),
        "if1": nir.IF(np.ones((4, 3, 3)), np.ones((4, 3, 3))),
        "flat": nir.Flatten({"input": np.array([4, 3, 3])}, start_dim=0),
        "fc": nir.Linear(rng.normal(0, 0.5, (3, 36))),
        "if2": nir.IF(np.ones(3), np.ones(3)),
        "out": nir.Output({"output": np.array([3])}),
    }
    return nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False)


def recordings(*seeds: int) -> tuple[Events, ...]:
    rasters = (np.random.default_rng(seed).poisson(0.3, (12, 1, 4, 4)) for seed in seeds)
    return tuple(Events.from_raster(raster) for raster in rasters)


PLAYED = recordings(1, 2)


def fired(**options: object) -> dict[str, np.ndarray]:
    """What the simulated chip fires on the recordings that are played: counts by layer."""
    spec = nirdynap.nir_to_dynapcnn(network(), convention="torch", **options)
    result = nirdynap.simulate(spec, PLAYED, "event")
    return {name: result[name].counts.copy() for name in ("conv", "fc")}


def checked(recorded: ChipRecordings | Path, **options: object) -> Verification:
    outcome = verify(network(), "speck2f", recordings(3), convention="torch", recorded=recorded, **options)
    assert (outcome.samples, outcome.recorded is None) == (1, False)
    assert outcome.rungs[-1].name == "chip"
    assert outcome.recorded is not None
    return outcome.recorded


@pytest.mark.parametrize("split", ["auto", {"conv": 2}])
def test_all_layers_of_a_chip_with_one_spike_more(split: object):
    spikes = fired(split=split)
    spikes["conv"][1, 3, 0, 2] += 2
    silicon = checked(ChipRecordings(samples=PLAYED, spikes={"if1": spikes["conv"], "fc": spikes["fc"]}), split=split)
    assert silicon.samples == 2
    pair, rung = silicon.comparisons[-1], silicon.rungs[-1]
    assert (pair.reference, pair.rung, rung.name) == ("chip", "silicon", "silicon")
    assert [(a.layer, a.neurons - a.equal, a.neurons - a.within_one) for a in pair.layers] == [
        ("conv", 1, 1),
        ("fc", 0, 0),
    ]
    at = pair.first_difference
    assert at is not None
    assert (at.layer, at.sample, at.step, at.channel, at.y, at.x) == ("conv", 1, None, 3, 0, 2)
    assert at.value - at.reference == 2
    assert pair.same_decisions == {"out": 2}
    assert silicon.waterfall.rungs[-1] == "silicon"
    assert "silicon first differs from chip: conv, sample 1, over the run" in str(silicon)


def test_the_first_layer_alone_decides_nothing():
    silicon = checked(ChipRecordings(samples=PLAYED, spikes={None: fired()["conv"]}))
    assert [layer.name for layer in silicon.rungs[-1].layers] == ["conv"]
    assert silicon.comparisons[-1].first_difference is None
    assert (silicon.rungs[-1].decisions, silicon.comparisons[-1].same_decisions) == ({}, {})
    assert silicon.waterfall.rungs[-1] == "chip"


def test_spikes_may_be_events():
    spec = nirdynap.nir_to_dynapcnn(network(), convention="torch")
    result = nirdynap.simulate(spec, PLAYED, "event", record="all")
    silicon = checked(ChipRecordings(samples=PLAYED, spikes={"conv": result.spikes[spec.find_core("conv").core]}))
    assert silicon.comparisons[-1].first_difference is None
    assert silicon.rungs[-1].layers[0].spikes > 20


@pytest.mark.parametrize(
    ("spikes", "words"),
    [
        ({}, "no layer"),
        ({"pool": np.zeros((2, 4, 3, 3), int)}, "nodes on cores"),
        ({"conv": np.zeros((1, 4, 3, 3), int)}, "2 samples"),
        ({"conv": np.full((2, 4, 3, 3), -1)}, "smallest count"),
        ({"conv": PLAYED}, "input is"),
    ],
)
def test_spikes_that_do_not_fit(spikes: dict[str | None, np.ndarray], words: str):
    if spikes and spikes.get("conv") is PLAYED:
        spikes = {"conv": [Events(t=[1], c=[4], y=[0], x=[0])] * 2}  # type: ignore[dict-item]
    with pytest.raises(InputError, match=words) as caught:
        checked(ChipRecordings(samples=PLAYED, spikes=spikes))
    assert [d.code for d in caught.value.diagnostics] == ["ND705"]


def write(path: Path, change: Callable[[dict[str, np.ndarray]], object] = lambda _: None) -> Path:
    """The recordings as a file, changed."""
    arrays = {}
    for k, events in enumerate(PLAYED):
        arrays[f"events_{k + 3}"] = np.stack([events.x, events.y, events.t, events.c], axis=1)
        arrays[f"counts_{k + 3}"] = fired()["conv"][k]
        arrays[f"counts_{k + 3}.fc"] = fired()["fc"][k]
    change(arrays)
    np.savez(path, **arrays)
    return path


def test_a_file_of_chip_recordings(tmp_path: Path):
    path = write(tmp_path / "chip.npz")
    read = read_chip_recordings(path)
    assert read.samples == PLAYED
    assert set(read.spikes) == {None, "fc"}
    silicon = checked(path)
    assert [layer.name for layer in silicon.rungs[-1].layers] == ["conv", "fc"]
    assert silicon.comparisons[-1].first_difference is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict.clear, "no events_0"),
        (lambda arrays: arrays.pop("counts_4"), "the same layers"),
        (lambda arrays: arrays.update(events_4=np.zeros((3, 3), int)), "columns x, y, t, p"),
        (lambda arrays: arrays.update({"counts_4.fc": np.zeros((2, 1, 1), int)}), "counts of one layer have shapes"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, change: Callable[[dict[str, np.ndarray]], object], words: str):
    with pytest.raises(InputError, match=words) as caught:
        read_chip_recordings(write(tmp_path / "chip.npz", change))
    assert [(d.code, "events_0, counts_0" in d.hint) for d in caught.value.diagnostics] == [("ND511", True)]
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(InputError, match="one array"):
        read_chip_recordings(tmp_path / "one.npy")
    with pytest.raises(InputError, match=r"cannot be read.*; try an .npz with events_0, counts_0"):
        read_chip_recordings(tmp_path / "absent.npz")


def test_five_digits_that_a_real_chip_has_seen(shared_data: Path):
    folder = shared_data / "nmnist_speck"
    digits = folder / "speck_digits_0_4.npz"
    played = read_chip_recordings(digits).samples
    network = folder / "cnn_sinabs.nir"
    outcome = verify(network, "speck2f", played[1], convention="sinabs", recorded=digits, labels=[1])
    assert outcome.recorded is not None
    (layer,) = outcome.recorded.comparisons[-1].layers
    assert layer.neurons == 5 * 4096
    assert layer.equal_fraction >= 0.97
    assert layer.within_one_fraction >= 0.998
    assert [rung.name for rung in outcome.recorded.rungs][-3:] == ["event", "chip", "silicon"]
