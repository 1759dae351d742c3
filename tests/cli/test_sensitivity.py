"""nirdynap sensitivity."""

from __future__ import annotations

from pathlib import Path

from commands import ask, codes, run

import nirdynap
from nirdynap.store.recordings import read_recordings
from nirdynap.verify import sensitivity

WORDS = ("--repeats", "3", "--seed", "4", "--weight-share", "0.5", "--jitter-us", "700")


def test_the_document_is_what_python_finds(net: Path, recordings: Path) -> None:
    body = ask("sensitivity", net, "--convention", "torch", "--input", recordings, *WORDS)["body"]
    read = read_recordings(recordings)
    spec = nirdynap.nir_to_dynapcnn(net, convention="torch")
    options = {"repeats": 3, "seed": 4, "weight_share": 0.5, "jitter_us": 700}
    found = sensitivity(spec, read.samples, read.labels, **options, **read.times)
    assert body["digest"] == found.digest
    assert [d["changed"]["value"] for d in body["disturbed"]] == [d.changed.value for d in found.disturbed]
    assert [d["layers"][0]["moved"]["high"] for d in body["disturbed"]] == [
        d.layers[0].moved.high for d in found.disturbed
    ]


def test_what_people_see(net: Path, recordings: Path) -> None:
    result = run("sensitivity", net, "--convention", "torch", "--input", recordings, *WORDS)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "3 samples, event runs, 3 draws of each, seed 4" in result.stdout
    assert "50 % of the weights off by one" in result.stdout
    assert result.stdout.count("thresholds") == 2


def test_refusals(net: Path, recordings: Path) -> None:
    assert codes(ask("sensitivity", net, "--input", recordings, "--repeats", "1", code=2)) == ["ND507"]
