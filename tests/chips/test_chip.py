"""Chip files: the six that ship with nirdynap, and files of users, right and wrong."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nirdynap.chips
from nirdynap.chips.chip import Camera, Chip, ClockLimits, Limits, ReadoutLimits, chip_names, load_chip
from nirdynap.errors import CompileError
from nirdynap.ir.spec import Memory
from nirdynap.schema import validate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KI = 1024
HOME = Path(nirdynap.chips.__file__).parent
NINE_CORES = ("dynapcnndevkit", "speck2b", "speck2e", "speck2f")
MINIS = ("speck2cmini", "speck2dmini")


def test_names() -> None:
    assert chip_names() == ("dynapcnndevkit", "speck2b", "speck2cmini", "speck2dmini", "speck2e", "speck2f")
    assert [load_chip(name).name for name in chip_names()] == list(chip_names())
    assert [file.stem for file in sorted(HOME.glob("*.toml"))] == list(chip_names())


@pytest.mark.parametrize("file", sorted(HOME.glob("*.toml")), ids=lambda f: f.stem)
def test_shipped_files_follow_the_schema(file: Path) -> None:
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    assert validate(document, "chip-v1") == ()
    assert document["limits"]["strides"] == sorted(document["limits"]["strides"])


@pytest.mark.parametrize("name", chip_names())
def test_every_fact_has_one_source(name: str) -> None:
    facts = ["devices", "cores", *(f"limits.{field.name}" for field in dataclasses.fields(Limits))]
    facts += ["operations_per_s"] * bool(load_chip(name).operations_per_s)
    facts += ["decimations"] * bool(load_chip(name).decimations)
    facts += ["parallel"] * bool(load_chip(name).parallel)
    facts += [f"clock.{field.name}" for field in dataclasses.fields(ClockLimits) if load_chip(name).clock]
    facts += [f"readout.{field.name}" for field in dataclasses.fields(ReadoutLimits) if load_chip(name).readout]
    facts += [f"camera.{field.name}" for field in dataclasses.fields(Camera) if load_chip(name).camera]
    assert sorted(source.path for source in load_chip(name).sources) == sorted(facts)


@pytest.mark.parametrize("name", ["speck2e", "speck2f"])
def test_what_a_third_party_reports_is_said_to_be_that(name: str) -> None:
    chip = load_chip(name)
    assert chip.operations_per_s == (100_000_000, *[30_000_000] * 8)
    (source,) = [source for source in chip.sources if source.path == "operations_per_s"]
    assert (source.status, "third party" in source.text) == ("reported", True)
    assert load_chip("speck2b").operations_per_s == ()


@pytest.mark.parametrize("name", NINE_CORES)
def test_memory_of_the_nine_core_chips(name: str) -> None:
    cores = load_chip(name).cores
    assert len(cores) == 9
    assert sum(core.kernel for core in cores) == 272 * KI
    assert sum(core.neuron for core in cores) == 327_680
    assert sum(core.bias for core in cores) == 9 * KI
    assert cores[0] == Memory(kernel=16 * KI, neuron=64 * KI, bias=KI)
    assert cores[4] == Memory(kernel=32 * KI, neuron=32 * KI, bias=KI)
    assert cores[6] == Memory(kernel=64 * KI, neuron=16 * KI, bias=KI)
    assert cores[8] == Memory(kernel=16 * KI, neuron=16 * KI, bias=KI)


@pytest.mark.parametrize("name", MINIS)
def test_memory_of_the_minis(name: str) -> None:
    cores = load_chip(name).cores
    assert [core.kernel // KI for core in cores] == [16, 32, 32, 64, 16]
    assert [core.neuron // KI for core in cores] == [64, 32, 32, 16, 16]
    assert [core.bias for core in cores] == [0, 0, 0, KI, KI]


def test_cameras() -> None:
    with_one = {name for name in chip_names() if load_chip(name).camera is not None}
    assert with_one == {"speck2b", "speck2e", "speck2f"}
    cameras = {load_chip(name).camera for name in with_one}
    assert cameras == {Camera(size=(128, 128), poolings=(1, 2, 4), destinations=2)}


@pytest.mark.parametrize("name", chip_names())
def test_limits(name: str) -> None:
    assert load_chip(name).limits == Limits(
        kernel_size=16,
        strides=(1, 2, 4, 8),
        padding=7,
        poolings=(1, 2, 4),
        input_map=128,
        output_map=64,
        features=1024,
        destinations=2,
        feature_shift=1023,
    )


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("speck2f", "speck2f"),
        ("speck2f:3", "speck2f"),
        ("speck2fmodule", "speck2f"),
        ("speck2fmodule:0", "speck2f"),
        ("speck2fdevkit:12", "speck2f"),
        ("speck2e", "speck2e"),
        ("speck2edevkit", "speck2e"),
        ("speck2b", "speck2b"),
        ("speck2btiny:1", "speck2b"),
        ("dynapcnndevkit:0", "dynapcnndevkit"),
    ],
)
def test_device_names_of_sinabs(device: str, name: str) -> None:
    assert load_chip(device).name == name


def test_no_two_chips_share_a_name() -> None:
    names = [n for chip in map(load_chip, chip_names()) for n in {chip.name, *chip.devices}]
    assert len(names) == len(set(names))


def test_a_chip_is_a_chip() -> None:
    chip = load_chip("speck2e")
    assert load_chip(chip) is chip


@pytest.mark.parametrize("name", ["speck3", "", ":0", "speck2f:", "speck2f:x", "speck2f:-1", "speck2f "])
def test_unknown_names_are_told_the_known_ones(name: str) -> None:
    with pytest.raises(CompileError) as caught:
        load_chip(name)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.value) == ("ND324", name)
    assert all(known in finding.found for known in chip_names())


def test_a_slip_of_the_pen_is_told_the_nearest_name() -> None:
    with pytest.raises(CompileError, match="try speck2fmodule, if that was meant"):
        load_chip("spek2fmodule")
    assert load_chip("Speck2fModule").name == "speck2f"


@pytest.fixture
def chip_file(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Writes speck2e's file with lines exchanged; returns its path."""

    def write(exchange: dict[str, str]) -> Path:
        text = (HOME / "speck2e.toml").read_text(encoding="utf-8")
        for old, new in exchange.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("kind", [str, Path])
def test_a_users_chip(chip_file: Callable[[dict[str, str]], Path], kind: type) -> None:
    path = chip_file({'"speck2e"\ndesc': '"mine"\ndesc', "padding = 7": "padding = 9", "[1, 2, 4, 8]": "[4, 1]"})
    chip = load_chip(kind(path))
    assert isinstance(chip, Chip)
    assert chip.name == "mine"
    assert (chip.limits.padding, chip.limits.strides) == (9, (1, 4))


def test_all_faults_of_a_users_chip_are_found(chip_file: Callable[[dict[str, str]], Path]) -> None:
    path = chip_file(
        {
            "{ kernel = 16384, neuron = 65536, bias = 1024 }, # 1": '{ kernel = -1, neuron = true, bias = "many" },',
            "padding = 7": "paddding = 7",
            "input_map = 128\n": "input_map = 128.0\n",
            "output_map = 64": "output_map = inf",
            "poolings = [1, 2, 4]\ninput": "poolings = [2, 2]\ninput",
            "size = [128, 128]": "size = [128]",
            "chip-v1": "chip-v9",
        }
    )
    with pytest.raises(CompileError) as caught:
        load_chip(path)
    findings = caught.value.diagnostics
    assert {f.code for f in findings} == {"ND325"}
    assert [f.place.removeprefix(f"{path}: ") for f in findings] == [
        "$.camera.size",
        "$.cores[1].bias",
        "$.cores[1].kernel",
        "$.cores[1].neuron",
        "$.limits",
        "$.limits",
        "$.limits.input_map",
        "$.limits.output_map",
        "$.limits.poolings",
        "$.limits.poolings",
        "$.schema",
    ]
    text = str(caught.value)
    assert "-1 is less than the minimum of 0" in text
    assert "'paddding' was unexpected" in text
    assert "'padding' is a required property" in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"cores = [", "Unclosed array|Invalid value"), (b"\xff\xfe", "utf-8"), (None, "No such file")],
)
def test_unreadable_chip_files(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "broken.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CompileError, match=f"ND325 bad chip file, at .*broken.toml: cannot be read: .*({reason})"):
        load_chip(path)


def test_a_folder_is_not_a_chip(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="ND325"):
        load_chip(tmp_path)


def rows_of(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_page_says_what_the_files_say() -> None:
    page = rows_of((Path(__file__).parents[2] / "docs" / "hardware.md").read_text(encoding="utf-8"))
    for name in chip_names():
        chip = load_chip(name)
        (row,) = [row for row in page if row[0] == f"`{name}`"]
        assert row[1:3] == [str(len(chip.cores)), ", ".join(f"`{device}`" for device in chip.devices)]
        for field in Memory._fields:
            words = [f"{field} Ki", *(str(getattr(core, field) // KI) for core in chip.cores)]
            assert words in page
    limits = {row[2].strip("`"): row[1] for row in page if len(row) == 4}
    for field, value in dataclasses.asdict(load_chip("speck2f").limits).items():
        numbers = [str(n) for n in (value if isinstance(value, tuple) else [value])]
        assert all(number in limits[field] for number in numbers), field


@pytest.mark.parametrize("chip", [None, 3, ["speck2f"]])
def test_what_is_no_name_is_an_unknown_chip(chip):
    with pytest.raises(CompileError, match="ND324"):
        load_chip(chip)
