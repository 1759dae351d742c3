"""Runs that were stopped go on: nothing is lost, nothing is done twice, nothing is mixed."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small import Counted, Here, recordings, small_spec, table

from nirdynap.errors import InputError, StoreError
from nirdynap.evaluate import evaluate

SPEC = small_spec()


def stop_after(samples: int) -> Callable[[int, int | None], None]:
    def tell(done: int, _: int | None) -> None:
        if done >= samples:
            raise KeyboardInterrupt

    return tell


def test_a_stopped_run_goes_on_without_repeating_or_losing_a_sample(tmp_path: Path) -> None:
    samples, path = recordings(40), tmp_path / "r.parquet"
    evaluate(SPEC, samples, Here(), output=tmp_path / "whole.parquet")
    path.write_bytes(b"of an older run")
    with pytest.raises(KeyboardInterrupt):
        evaluate(SPEC, samples, Here(), output=path, group_size=4, in_flight=1, progress=stop_after(12))
    assert path.read_bytes() == b"of an older run"
    done = {part.name: part.stat().st_mtime_ns for part in (tmp_path / "r.parquet.parts").glob("0*")}
    assert sorted(done) == ["00000000.parquet", "00000001.parquet", "00000002.parquet"]
    with pytest.raises(KeyboardInterrupt):
        evaluate(SPEC, samples, Here(), output=path, group_size=4, in_flight=1, progress=stop_after(20))
    again = {part.name: part.stat().st_mtime_ns for part in (tmp_path / "r.parquet.parts").glob("0*")}
    assert {name: again[name] for name in done} == done
    told: list[tuple[int, int | None]] = []
    counted = Counted(samples)
    evaluate(SPEC, counted, Here(), output=path, group_size=4, in_flight=1, progress=lambda *now: told.append(now))
    assert counted.read == list(range(20, 40))
    assert told == [(n, 40) for n in range(4, 44, 4)]
    assert path.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.parquet", "whole.parquet"]


def _of_other_columns() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"name": ["2", "3"]}), stream)
    return stream.getvalue()


@pytest.mark.parametrize("damage", [b"", b"PAR1", None, _of_other_columns()])
def test_a_part_that_is_damaged_or_gone_is_made_again(tmp_path: Path, damage: bytes | None) -> None:
    samples, path = recordings(12), tmp_path / "r.parquet"
    with pytest.raises(KeyboardInterrupt):
        evaluate(SPEC, samples, Here(), output=path, group_size=2, in_flight=1, progress=stop_after(8))
    part = tmp_path / "r.parquet.parts" / "00000001.parquet"
    part.unlink()
    if damage is not None:
        part.write_bytes(damage)
    counted = Counted(samples)
    evaluate(SPEC, counted, Here(), output=path, group_size=2)
    assert counted.read == [2, 3, 8, 9, 10, 11]
    assert [row["index"] for row in table(path)] == list(range(12))


@pytest.mark.parametrize("place", [10, 100, 500, 1500, -20])
def test_a_part_of_which_one_byte_is_another_is_made_again(tmp_path: Path, place: int) -> None:
    samples, path = recordings(12), tmp_path / "r.parquet"
    evaluate(SPEC, samples, Here(), output=tmp_path / "whole.parquet")
    with pytest.raises(KeyboardInterrupt):
        evaluate(SPEC, samples, Here(), output=path, group_size=2, in_flight=1, progress=stop_after(8))
    part = tmp_path / "r.parquet.parts" / "00000001.parquet"
    content = bytearray(part.read_bytes())
    content[place] ^= 0xFF
    part.write_bytes(content)
    evaluate(SPEC, samples, Here(), output=path, group_size=2)
    assert path.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_part_that_is_damaged_while_the_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    part = tmp_path / "r.parquet.parts" / "00000000.parquet"

    def damage(done: int, _: int | None) -> None:
        if done == 4:
            part.write_bytes(b"PAR1")

    with pytest.raises(StoreError, match=r"^ND757 damaged part, at .*00000000\.parquet: .*; try removing this file"):
        evaluate(SPEC, recordings(4), Here(), output=path, group_size=2, progress=damage)
    part.unlink()
    evaluate(SPEC, recordings(4), Here(), output=path, group_size=2)
    assert len(table(path)) == 4


def test_who_stops_a_run_hears_what_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options: dict[str, Any] = {"group_size": 2, "in_flight": 1, "progress": stop_after(4)}
    for output, told in (
        (tmp_path / "r.parquet", r"ND758 stopped, at .*r\.parquet\.parts: 4 samples are done, and kept; try the same"),
        (None, r"ND758 stopped, at \$\.output: nothing is kept; try an output"),
    ):
        caplog.clear()
        with pytest.raises(KeyboardInterrupt):
            evaluate(SPEC, recordings(12), Here(), output=output, **options)
        (record,) = caplog.records
        assert re.match(told, record.getMessage())


@pytest.mark.parametrize("content", ["", "[]", '{"cores": [{}]}', '{"cores": [1]}'])
def test_a_folder_that_lost_what_it_is_of(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.parquet"
    with pytest.raises(KeyboardInterrupt):
        evaluate(SPEC, recordings(12), Here(), output=path, group_size=2, in_flight=1, progress=stop_after(4))
    (tmp_path / "r.parquet.parts" / "run.json").write_text(content)
    with pytest.raises(InputError) as caught:
        evaluate(SPEC, recordings(12), Here(), output=path, group_size=2)
    assert [d.found for d in caught.value.diagnostics] == [
        "run.json was whole in the run that left it behind, and is missing or damaged now"
    ]


def test_another_run_is_refused_and_what_was_done_stays(tmp_path: Path) -> None:
    samples, path = recordings(12), tmp_path / "r.parquet"
    with pytest.raises(KeyboardInterrupt):
        evaluate(SPEC, samples, Here(), output=path, group_size=2, in_flight=1, progress=stop_after(8))
    before = {part: part.read_bytes() for part in (tmp_path / "r.parquet.parts").iterdir()}
    for other, parameter in (
        ({"spec": small_spec(seed=2)}, "digest"),
        ({"dt_us": 10}, "dt_us"),
        ({"semantics": "clocked"}, "semantics"),
        ({"group_size": 3}, "group_size"),
        ({"samples": samples[:7]}, "samples 6 ..."),
        ({"samples": samples[:4]}, "number of groups of samples"),
    ):
        words = {"spec": SPEC, "samples": samples, "executor": Here(), "output": path, "group_size": 2, **other}
        with pytest.raises(InputError, match=rf"^ND754 .*{parameter} was .* in the run that left it behind, and is"):
            evaluate(**words)  # type: ignore[arg-type]
        assert {part: part.read_bytes() for part in (tmp_path / "r.parquet.parts").iterdir()} == before
    evaluate(SPEC, samples, Here(), output=path, group_size=2)
    assert len(table(path)) == 12


def test_other_recordings_or_labels_of_the_same_names_are_refused(tmp_path: Path) -> None:
    raster, path = np.zeros((3, 8, *SPEC.input_shape), int), tmp_path / "samples.npz"

    def run(labels: int, progress: Any = None) -> None:
        np.savez(path, raster=raster, label=np.full(8, labels))
        evaluate(SPEC, path, Here(), output=tmp_path / "r.parquet", group_size=2, in_flight=1, progress=progress)

    with pytest.raises(KeyboardInterrupt):
        run(0, stop_after(4))
    with pytest.raises(InputError, match=r"^ND754 .*digest of recordings and labels was"):
        run(1)
    run(0)
    assert [row["label"] for row in table(tmp_path / "r.parquet")] == [0] * 8


def test_a_run_that_did_nothing_yet_can_be_changed(tmp_path: Path) -> None:
    def samples() -> Iterator[Any]:
        raise RuntimeError("the disk is gone")
        yield

    with pytest.raises(RuntimeError, match="the disk is gone"):
        evaluate(SPEC, samples(), Here(), output=tmp_path / "r.parquet")
    evaluate(SPEC, recordings(2), Here(), output=tmp_path / "r.parquet", semantics="clocked")
    assert [path.name for path in tmp_path.iterdir()] == ["r.parquet"]


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    folder = tmp_path / "r.parquet.parts"
    folder.mkdir()
    (folder / ".nirdynap-0123456789abcdef.part").touch()
    evaluate(SPEC, recordings(2), Here(), output=tmp_path / "r.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["r.parquet"]


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    folder = tmp_path / "r.parquet.parts"
    folder.mkdir()
    (folder / "letter.txt").touch()
    evaluate(SPEC, recordings(2), Here(), output=tmp_path / "r.parquet")
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]
