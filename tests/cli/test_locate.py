"""nirdynap locate."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from commands import ask, codes, run, write_graph

import nirdynap
from nirdynap.store.recordings import read_recordings
from nirdynap.verify import Ran

GOLDEN = Path(__file__).parents[1] / "golden" / "locate.txt"


@pytest.fixture(scope="module")
def specs(net: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The network, and the same with one other weight in its second layer."""
    folder = tmp_path_factory.mktemp("specs")
    spec = nirdynap.nir_to_dynapcnn(net, convention="torch")
    first, second = spec.cores
    weights = second.weights.copy()
    weights[1, 2, 1, 3] -= 9
    changed = dataclasses.replace(spec, cores=(first, dataclasses.replace(second, weights=weights)))
    nirdynap.save(spec, folder / "a.h5")
    nirdynap.save(changed, folder / "b.h5")
    return folder / "a.h5", folder / "b.h5"


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("raster") / "raster.npz"
    np.savez(path, raster=np.random.default_rng(1).poisson(0.03, (30, 2, 8, 8)))
    return path


def test_the_document_is_the_divergence(specs: tuple[Path, Path], raster: Path) -> None:
    body = ask("locate", *specs, "--input", raster, "--a-run", "event", "--b-run", "event")["body"]
    a, b = (Ran(nirdynap.load(path), "event") for path in specs)
    found = nirdynap.locate(a, b, read_recordings(raster).samples)
    assert found is not None
    shown = body["divergence"]
    assert (shown["layer"], shown["at"], shown["neuron"]) == (found.layer, found.at, list(found.neuron))
    assert shown["cause"]["code"] == "ND725"
    assert len(shown["history"]) == len(found.history)
    assert shown["parted"]["a"]["after"] == found.parted.a.after


def test_what_people_see(specs: tuple[Path, Path], raster: Path, request: pytest.FixtureRequest) -> None:
    result = run("locate", *specs, "--input", raster, "--a-run", "event", "--b-run", "event,emission=raster")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = result.stdout.replace(str(specs[0].parent), "<folder>")
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(shown, encoding="utf-8")
    assert shown == GOLDEN.read_text(encoding="utf-8")


def test_one_file_in_two_ways(net: Path, specs: tuple[Path, Path], raster: Path) -> None:
    torch = ("--convention", "torch", "--input", raster)
    assert ask("locate", net, specs[0], *torch)["body"]["divergence"] is None
    assert "the same spikes everywhere" in run("locate", net, net, *torch).stdout
    body = ask("locate", net, net, *torch, "--a-run", "float", "--b-run", "clocked,saturate=no")["body"]
    assert body["b"].endswith("net.nir, clocked,saturate=no")
    body = ask("locate", net, net, *torch, "--b-run", "event", "--dt-us", "500")["body"]
    assert body["divergence"]["at"] * 500 == body["divergence"]["t_us"]


@pytest.mark.parametrize("how", ["silicon", "float,order=depth", "event,order", "float"])
def test_runs_that_there_are_not(specs: tuple[Path, Path], raster: Path, how: str) -> None:
    assert codes(ask("locate", *specs, "--input", raster, "--b-run", how, code=2)) == ["ND902"]


def test_refusals(net: Path, specs: tuple[Path, Path], raster: Path, tmp_path: Path) -> None:
    assert codes(ask("locate", *specs, "--input", raster, "--b-run", "event,saturate=no", code=2)) == ["ND507"]
    assert codes(ask("locate", *specs, "--input", raster, "--convention", "torch", code=2)) == ["ND902"]
    assert codes(ask("locate", *specs, "--input", tmp_path / "absent.npz", code=2)) == ["ND511"]
    other = write_graph(tmp_path / "other.nir", features=3)
    assert codes(ask("locate", net, other, "--convention", "torch", "--input", raster, code=1)) == ["ND720"]
