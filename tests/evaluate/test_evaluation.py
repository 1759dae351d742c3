"""Data sets: the oracle on each sample, the same bytes whatever happens on the way, nothing lost, nothing twice."""

from __future__ import annotations

import dataclasses
import json
import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from small import SHAPE, Counted, Here, expected_row, recordings, small_spec, table

import nirdynap
from nirdynap.errors import InputError, StoreError
from nirdynap.evaluate import evaluate
from nirdynap.ir.events import Events
from nirdynap.ir.units import INT16_MAX
from nirdynap.sim import simulate
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec

SPEC = small_spec()


@pytest.mark.parametrize("semantics", ["event", "clocked"])
def test_each_row_is_what_the_oracle_says(tmp_path: Path, semantics: Any) -> None:
    samples = recordings(25)
    summary = evaluate(SPEC, samples, Here(), output=tmp_path / "r.parquet", semantics=semantics, group_size=4)
    rows = table(tmp_path / "r.parquet")
    expected, right = [], 0
    for index, (events, label) in enumerate(samples):
        raster = events.to_raster(SHAPE)
        result = oracle.event(SPEC, events) if semantics == "event" else oracle.clocked(SPEC, raster)
        expected.append(expected_row(index, str(index), label, result, 1000 * len(raster)))
        right += int(result.decision[0]) == label
    assert rows == expected
    assert summary.outputs[0].correct == right
    assert summary.accuracy == {"out1": right / 25}
    assert (summary.samples, summary.labelled, summary.failed, summary.diagnostics) == (25, 25, 0, ())


def test_the_summary_is_that_of_the_rows(tmp_path: Path) -> None:
    summary = evaluate(SPEC, recordings(30), Here(), output=tmp_path / "r.parquet")
    rows = table(tmp_path / "r.parquet")
    assert summary.duration_us == sum(row["duration_us"] for row in rows)
    assert summary.outputs[0].silent == sum(row["decision"] < 0 for row in rows) > 0
    for core in summary.cores:
        for field in ("spikes", "synaptic_operations"):
            values = sorted(row[f"core{core.core}.{field}"] for row in rows)
            spread = getattr(core, field)
            assert spread.mean == pytest.approx(sum(values) / 30)
            assert spread.median == (values[14] + values[15]) / 2
            assert spread.p95 == pytest.approx(values[27] + 0.55 * (values[28] - values[27]))
            assert spread.largest == values[-1] > 0
        lasting = [row for row in rows if row["duration_us"]]
        assert len(lasting) == 27
        rates = [row[f"core{core.core}.synaptic_operations"] / (row["duration_us"] / 1e6) for row in lasting]
        assert core.operations_per_s.mean == pytest.approx(sum(rates) / 27)
        assert core.operations_per_s.largest == pytest.approx(max(rates))
        assert core.dropped == sum(row[f"core{core.core}.dropped"] for row in rows)
    assert summary.cores[0].dropped > 0
    text = str(summary)
    assert text.startswith(f"event run of 30 samples ({summary.duration_us / 1e6:.3f} s) on speck2f")
    share = 100 * summary.cores[1].operations_per_s.largest / 30_000_000
    assert f"conv1: at most {share:.1f} % of the 30 million synaptic operations per second that a third party" in text


def test_a_chip_of_which_nobody_states_a_limit() -> None:
    for name in ("dynapcnndevkit", "my_own_chip"):
        summary = evaluate(dataclasses.replace(SPEC, chip=name), recordings(3), Here())
        assert [core.limit_per_s for core in summary.cores] == [None, None]
        assert f"No limit of synaptic operations per second is known for {name}" in str(summary)


def test_saturation_is_counted(tmp_path: Path) -> None:
    spec = build_spec(build_core(0, [[[[127]]]], (1, 1, 1), threshold_high=INT16_MAX))
    summary = evaluate(spec, [np.full((1, 1, 1, 1), 700)] * 3, Here(), semantics="clocked")
    result = simulate(spec, np.full((1, 3, 1, 1, 1), 700))
    assert summary.cores[0].saturated == result.stats[0].saturated == 3


def test_without_output_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    summary = evaluate(SPEC, recordings(5), Here())
    assert summary.samples == 5
    assert summary.output is None
    assert list(tmp_path.iterdir()) == []


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    evaluate(SPEC, recordings(5), Here(), output=tmp_path / "r.parquet", order="breadth", emission="channel")
    about = json.loads(pq.read_schema(tmp_path / "r.parquet").metadata[b"nirdynap"])
    assert about["digest"] == SPEC.digest()
    assert (about["semantics"], about["options"]["order"], about["options"]["emission"]) == (
        "event",
        "breadth",
        "channel",
    )
    assert about["cores"] == [{"core": 0, "name": "conv0"}, {"core": 1, "name": "conv1"}]
    assert [path.name for path in tmp_path.iterdir()] == ["r.parquet"]


def test_the_same_bytes_for_any_executor_group_size_and_order_of_arrival(tmp_path: Path) -> None:
    class Late(ThreadPoolExecutor):
        def submit(self, fn: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
            def late() -> Any:
                time.sleep(random.random() / 50)
                return fn(*arguments)

            return super().submit(late)

    samples = recordings(60)
    evaluate(SPEC, samples, Here(), output=tmp_path / "here.parquet")
    evaluate(SPEC, samples, workers=2, output=tmp_path / "two.parquet", group_size=7)
    evaluate(SPEC, samples, workers=1, output=tmp_path / "one.parquet", group_size=60, in_flight=1)
    with Late(8) as executor:
        evaluate(SPEC, iter(samples), executor, output=tmp_path / "late.parquet", group_size=1, in_flight=50)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert len(list(tmp_path.iterdir())) == 4


def test_many_rows_are_written_in_groups_of_their_own_size(tmp_path: Path) -> None:
    samples = recordings(50) * 45
    for size in (30, 2250):
        evaluate(SPEC, samples, Here(), output=tmp_path / f"{size}.parquet", group_size=size)
    assert (tmp_path / "30.parquet").read_bytes() == (tmp_path / "2250.parquet").read_bytes()
    meta = pq.ParquetFile(tmp_path / "30.parquet").metadata
    assert [meta.row_group(i).num_rows for i in range(meta.num_row_groups)] == [1024, 1024, 202]


def test_options_reach_the_run(tmp_path: Path) -> None:
    events, label = recordings(1)[0]
    options: dict[str, Any] = {"saturate": False, "spikes_per_step": "one", "dt_us": 700, "duration_us": 20_000}
    evaluate(SPEC, [(events, label)], Here(), output=tmp_path / "r.parquet", semantics="clocked", **options)
    result = simulate(SPEC, events, "clocked", **options)
    assert table(tmp_path / "r.parquet") == [expected_row(0, "0", label, result, 29 * 700)]


def test_a_file_says_its_times_and_options_overrule_it(tmp_path: Path) -> None:
    events, _ = recordings(1)[0]
    arrays = {name: getattr(events, name) for name in ("t", "c", "y", "x")}
    np.savez(tmp_path / "r.npz", **arrays, dt_us=500, duration_us=30_000)
    evaluate(SPEC, tmp_path / "r.npz", Here(), output=tmp_path / "a.parquet")
    evaluate(SPEC, tmp_path / "r.npz", Here(), output=tmp_path / "b.parquet", duration_us=10_000)
    assert table(tmp_path / "a.parquet")[0]["duration_us"] == 30_000
    assert table(tmp_path / "b.parquet")[0]["duration_us"] == 10_000


def test_several_outputs(tmp_path: Path) -> None:
    spec = build_spec(
        build_core(0, [[[[5]]]], (1, 1, 2), threshold_high=5), build_core(1, [[[[1]]]], (1, 1, 2), threshold_high=9)
    )
    raster = np.zeros((1, 1, 1, 2), int)
    raster[0, 0, 0, 1] = 3
    summary = evaluate(spec, [(raster, 1)], Here(), output=tmp_path / "r.parquet")
    (row,) = table(tmp_path / "r.parquet")
    assert (row["output0.decision"], row["output0.counts"]) == (1, [0, 3])
    assert (row["output1.decision"], row["output1.counts"]) == (-1, [0, 0])
    assert summary.accuracy == {"out0": 1.0, "out1": 0.0}
    assert [output.silent for output in summary.outputs] == [0, 1]


# --- what cannot be run -----


class Damaged(Counted):
    def __getitem__(self, index: int) -> Any:
        if index == 3:
            raise OSError("no such block")
        return super().__getitem__(index)


def test_samples_that_cannot_be_run_are_told_and_the_others_are_run(tmp_path: Path) -> None:
    samples: list[Any] = [*recordings(8)]
    samples[1] = (Events(t=[0], c=[2], y=[0], x=[0]), 0)
    samples[5] = (samples[5][0], "seven")
    samples[7] = (samples[7][0], 3)
    samples[6] = np.zeros((3, 3))
    summary = evaluate(SPEC, Damaged(samples), Here(), output=tmp_path / "r.parquet", group_size=3)
    reasons = {row["index"]: row["error"] for row in table(tmp_path / "r.parquet")}
    assert [index for index, reason in reasons.items() if reason] == [1, 3, 5, 6, 7]
    assert reasons[1].startswith("ND503 event outside the input")
    assert reasons[3] == "cannot be read: OSError: no such block"
    assert reasons[5].startswith("ND752 bad sample, at $.label: the label is 'seven', not a whole number")
    assert reasons[6].startswith("ND504 bad raster")
    assert reasons[7].startswith("ND756 label outside the outputs, at $.label: the label of sample 7 is 3, ")
    assert (summary.samples, summary.failed, summary.labelled) == (8, 5, 3)
    (finding,) = summary.diagnostics
    assert str(finding).startswith(
        f"ND753 samples not evaluated, at {tmp_path / 'r.parquet'}: 5 of 8 samples have no result"
    )
    assert "the first of them: 1: ND503" in str(finding)
    assert [failure.index for failure in summary.failures] == [1, 3, 5, 6, 7]


def test_nothing_but_failures(tmp_path: Path) -> None:
    summary = evaluate(SPEC, [np.zeros(3)] * 12, Here())
    assert (summary.samples, summary.failed, len(summary.failures)) == (12, 12, 10)
    assert summary.accuracy == {}
    assert summary.cores[0].spikes.largest == 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"semantics": "analog"}, "ND507"),
        ({"saturate": False}, "ND507"),
        ({"dt_us": 0}, "ND507"),
        ({"workers": 0}, "ND507"),
        ({"workers": 1}, "ND507"),  # beside an executor
        ({"group_size": None}, "ND507"),
        ({"in_flight": 2.5}, "ND507"),
        ({"executor": "tcp://scheduler:8786"}, "ND507"),
    ],
)
def test_bad_options_are_found_before_anything_is_written(tmp_path: Path, options: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError, match=rf"^{code} "):
        evaluate(SPEC, recordings(1), **{"executor": Here(), "output": tmp_path / "r.parquet", **options})
    assert list(tmp_path.iterdir()) == []


def test_biases_need_a_clock(tmp_path: Path) -> None:
    spec = build_spec(build_core(0, [[[[1]]]], (1, 1, 1), bias=[1]))
    with pytest.raises(InputError, match=r"^ND506 "):
        evaluate(spec, recordings(1), Here())


@pytest.mark.parametrize("samples", [[], iter([])])
def test_no_samples(tmp_path: Path, samples: Any) -> None:
    with pytest.raises(InputError, match=r"^ND751 nothing to evaluate, at \$\.samples: there are no samples"):
        evaluate(SPEC, samples, Here(), output=tmp_path / "r.parquet")
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^ND606 "):
        evaluate(SPEC, recordings(1), Here(), output=tmp_path / "r.csv")
    with pytest.raises(StoreError, match=r"^ND605 "):
        evaluate(SPEC, recordings(1), Here(), output=tmp_path / "absent" / "r.parquet")


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.delitem(__import__("sys").modules, "nirdynap.evaluate.columnar", raising=False)
    monkeypatch.delattr("nirdynap.evaluate.columnar", raising=False)
    with pytest.raises(InputError, match=r'^ND901 .*pip install "nirdynap\[evaluate\]"'):
        evaluate(SPEC, recordings(1), Here())


def test_the_public_name() -> None:
    assert nirdynap.evaluate(SPEC, recordings(3), Here()).samples == 3
