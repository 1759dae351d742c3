"""The camera as the source, from words of the command line."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from commands import ask, codes, run

from nirdynap import DvsOptions, Events, configuration, evaluate, load, nir_to_dynapcnn, simulate, verify
from nirdynap.store.recordings import read_recordings


def test_convert_and_show(net: Path, tmp_path: Path) -> None:
    output = tmp_path / "spec.json"
    words = ["--dvs-polarity", "on", "--dvs-pooling", "2,4", "--dvs-origin", "2x8", "--dvs-mirror", "y,diagonal"]
    ask("convert", net, "--output", output, "--dvs", *words, "--no-dvs-sensor")
    options = DvsOptions(
        polarity="on",
        pooling=(2, 4),
        origin=(2, 8),
        mirror_y=True,
        mirror_diagonal=True,
        pass_sensor_events=False,
    )
    assert load(output) == nir_to_dynapcnn(net, dvs=options)
    body = ask("show", output)["body"]
    assert (body["input_shape"], body["dvs"]["pooling"]) == ([2, 128, 128], [2, 4])
    shown = run("show", output).stdout
    assert "camera 2x128x128: ON events, pool 2x4, region 8x8 from (1, 2), mirror y, diagonal, " in shown
    assert "input 2x8x8 to core" in shown


def test_simulate_tells_what_was_dropped(net: Path, recordings: Path) -> None:
    dropped = ask("simulate", net, "--input", recordings, "--dvs", "--dvs-polarity", "on")["body"]["dvs_dropped"]
    assert dropped > 0
    assert (
        f"{dropped} events dropped by the DVS layer"
        in run("simulate", net, "--input", recordings, "--dvs", "--dvs-polarity", "on").stdout
    )
    assert ask("simulate", net, "--input", recordings)["body"]["dvs_dropped"] == 0


def test_check(net: Path) -> None:
    assert ask("check", net, "--dvs")["body"]["fits"]
    assert codes(ask("check", net, "--dvs", "--chip", "speck2cmini", code=1))[0] == "ND390"


def test_a_chip_tells_its_camera() -> None:
    (chip,) = ask("chips", "speck2e")["body"]["chips"]
    assert chip["camera"] == {"size": [128, 128], "poolings": [1, 2, 4], "destinations": 2}
    assert "limit of the camera" in run("chips", "speck2e").stdout


@pytest.mark.parametrize(
    "words",
    [
        ["--dvs-polarity", "on"],
        ["--dvs", "--dvs-mirror", "z"],
        ["--dvs", "--dvs-pooling", "two"],
        ["--dvs", "--dvs-polarity", "none"],
    ],
)
def test_words_that_mean_nothing(net: Path, words: list[str]) -> None:
    assert codes(ask("check", net, *words, code=2)) == ["ND126"]


def test_export_for_the_vendor(net: Path, tmp_path: Path) -> None:
    words = ["--dvs", "--to", "samna-json", "--monitor", "dvs", "--output", tmp_path / "net.json"]
    ask("export", net, *words)
    tree = configuration(nir_to_dynapcnn(net, dvs=True), monitor=["dvs"])
    assert (tmp_path / "net.json").read_text() == tree.to_json() + "\n"
    assert codes(ask("export", net, *words, "--no-dvs-sensor", code=2)) == ["ND650"]


WORDS = ("--dvs", "--dvs-polarity", "on", "--dvs-origin", "1,2")


def test_evaluate_tabulates_what_was_dropped(net: Path, recordings: Path, tmp_path: Path) -> None:
    words = ["evaluate", net, *WORDS, "--input", recordings, "--workers", 1]
    body = ask(*words, "--output", tmp_path / "r.parquet")["body"]
    spec = nir_to_dynapcnn(net, dvs=DvsOptions(polarity="on", origin=(1, 2)))
    expected = [simulate(spec, sample, "event").dvs_dropped for sample in read_recordings(recordings).samples]
    column = pq.ParquetFile(tmp_path / "r.parquet").read(["dvs_dropped"]).to_pydict()
    assert column == {"dvs_dropped": expected}
    assert body["dvs_dropped"] == sum(expected) > 0
    assert f"{sum(expected)} events dropped by the DVS layer" in run(*words).stdout
    summary = evaluate(spec, read_recordings(recordings).samples, workers=1)
    assert f"{sum(expected)} events dropped by the DVS layer" in str(summary)
    assert ask("evaluate", net, "--input", recordings, "--workers", 1)["body"]["dvs_dropped"] == 0


def test_a_recording_that_the_camera_cannot_give_has_no_row(net: Path, tmp_path: Path) -> None:
    samples = [Events(t=[0], c=[0], y=[y], x=[0]) for y in (127, 128)]
    spec = nir_to_dynapcnn(net, dvs=True)
    summary = evaluate(spec, samples, workers=1, output=tmp_path / "r.parquet")
    assert (summary.failed, summary.dvs_dropped) == (1, 1)
    assert pq.ParquetFile(tmp_path / "r.parquet").read(["dvs_dropped"]).to_pydict() == {"dvs_dropped": [1, None]}


def test_verify_climbs_from_the_camera(net: Path, recordings: Path) -> None:
    body = ask("verify", net, *WORDS, "--input", recordings)["body"]
    options = DvsOptions(polarity="on", origin=(1, 2))
    read = read_recordings(recordings)
    outcome = verify(net, "speck2f", read.samples, dvs=options, labels=read.labels)
    assert body["digest"] == outcome.spec.digest()
    assert body["dvs_dropped"] == outcome.dvs_dropped > 0
    assert [rung["layers"][0]["spikes"] for rung in body["rungs"]] == [r.layers[0].spikes for r in outcome.rungs]
    assert outcome.comparisons[0].first_difference is None
    stdout = run("verify", net, *WORDS, "--input", recordings).stdout
    assert f"{outcome.dvs_dropped} events dropped by the DVS layer" in stdout
