"""Disturbed runs: drawn as said, the same for the same seed, and counted rightly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nirdynap
from nirdynap.errors import InputError
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination, Spec
from nirdynap.testing.build import build_core, build_spec
from nirdynap.verify import sensitivity
from nirdynap.verify.sensitivity import _DISTURBANCES, _mean, _Strength, _wilson

STRENGTH = _Strength(jitter_us=50, weight_share=0.25)


def network() -> Spec:
    rng = np.random.default_rng(0)
    return build_spec(
        build_core(
            0, rng.integers(-9, 15, (4, 2, 3, 3)), (2, 8, 8), padding=(1, 1), threshold_high=30, threshold_low=-30,
            destinations=[Destination(core=1, pooling=2)],
        ),
        build_core(1, rng.integers(-9, 15, (5, 4, 4, 4)), (4, 4, 4), threshold_high=60, threshold_low=-60),
    )  # fmt: skip


def recordings(samples: int = 6) -> np.ndarray:
    return np.random.default_rng(1).poisson(0.04, (20, samples, 2, 8, 8))


def drawn(name: Any, seed: int = 0) -> tuple[Spec, Events]:
    events = Events.from_raster(recordings()[:, 0])
    spec, (disturbed,) = _DISTURBANCES[name][1](network(), [events], np.random.default_rng(seed), STRENGTH)
    return spec, disturbed


def rows(events: Events) -> list[tuple[int, ...]]:
    return list(zip(*(a.tolist() for a in (events.t, events.c, events.y, events.x)), strict=True))


def test_order_is_shuffled_among_simultaneous_events_only() -> None:
    before, (spec, after) = Events.from_raster(recordings()[:, 0]), drawn("order")
    assert spec == network()
    assert np.array_equal(before.t, after.t)
    assert rows(before) != rows(after)
    assert sorted(rows(before)) == sorted(rows(after))


def test_times_move_by_no_more_than_the_jitter_and_stay_in_the_recording() -> None:
    before, (spec, after) = Events.from_raster(recordings()[:, 0]), drawn("times")
    assert spec == network()
    assert 0 <= after.t.min() <= after.t.max() <= before.t.max()
    nearest = np.rint(after.t / 1000) * 1000
    assert 40 < np.abs(after.t - nearest).max() <= 50
    assert sorted((t, *a) for t, (_, *a) in zip(nearest.astype(int).tolist(), rows(after), strict=True)) == sorted(
        rows(before)
    )


def test_weights_and_thresholds_are_off_by_one() -> None:
    (spec, _), (other, _) = drawn("weights"), drawn("thresholds")
    off = [core.weights.astype(int) - old.weights for core, old in zip(spec.cores, network().cores, strict=True)]
    assert all(set(np.unique(o)) == {-1, 0, 1} for o in off)
    assert all((o[old.weights == 0] == 0).all() for o, old in zip(off, network().cores, strict=True))
    assert np.mean(np.concatenate([o.ravel() for o in off]) != 0) == pytest.approx(0.24, abs=0.04)
    assert all(abs(a.threshold_high - b.threshold_high) == 1 for a, b in zip(other.cores, network().cores, strict=True))


def test_the_same_seed_finds_the_same_whatever_the_threads() -> None:
    found = sensitivity(network(), recordings(), repeats=3, seed=7, threads=1)
    assert found == sensitivity(network(), recordings(), repeats=3, seed=7, threads=2)
    assert found != sensitivity(network(), recordings(), repeats=3, seed=8)


def test_numbers_are_those_of_runs_by_hand() -> None:
    spec, raster = network(), recordings()
    labels = [0, 1, 2, 3, 4, 0]
    found = sensitivity(spec, raster, labels, repeats=3, seed=5)
    samples = [Events.from_raster(raster[:, i]) for i in range(6)]
    base = nirdynap.simulate(spec, samples, "event")
    disturb = _DISTURBANCES["weights"][1]
    strength = _Strength(jitter_us=100, weight_share=0.1)
    results = []
    for repeat in range(3):
        other, _ = disturb(spec, samples, np.random.default_rng([5, 2, repeat]), strength)
        results.append(nirdynap.simulate(other, samples, "event"))
    shown = found.disturbed[2]
    assert shown.name == "weights"
    assert shown.changed.value == np.mean([r.decision != base.decision for r in results])
    assert shown.correct is not None
    assert shown.correct.value == pytest.approx(np.mean([r.decision == labels for r in results]))
    moved = [np.abs(r.counts[0] - base.counts[0]).sum() / base.counts[0].sum() for r in results]
    assert shown.layers[0].moved.value == pytest.approx(np.mean(moved))
    assert shown.layers[0].spikes == base.counts[0].sum()
    assert found.correct is not None
    assert found.correct.value == np.mean(base.decision == labels)
    assert "weights" in str(found)


def test_order_does_not_matter_to_time_steps() -> None:
    found = sensitivity(network(), recordings(), repeats=2, semantics="clocked")
    (order,) = (d for d in found.disturbed if d.name == "order")
    assert order.changed.value == 0
    assert [layer.moved.value for layer in order.layers] == [0, 0]


def test_intervals() -> None:
    none, half = _wilson(0, 50), _wilson(25, 50)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(0.0713, abs=1e-4)  # 1.96**2 / (50 + 1.96**2)
    assert (half.low, half.high) == (pytest.approx(0.3664, abs=1e-4), pytest.approx(0.6336, abs=1e-4))
    mean = _mean([0.1, 0.2, 0.3])
    assert (mean.value, mean.low) == (pytest.approx(0.2), pytest.approx(0.2 - 1.96 * 0.1 / 3**0.5, abs=1e-4))


@pytest.mark.parametrize(
    "options",
    [
        {"seed": -1}, {"seed": 0.5}, {"repeats": 1}, {"jitter_us": -1}, {"weight_share": 1.5}, {"weight_share": True},
        {"labels": [0, 1]}, {"labels": [0.5] * 6}, {"emission": "random"},
    ],
)  # fmt: skip
def test_options_that_there_are_not(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="ND507"):
        sensitivity(network(), recordings(), **{"repeats": 2} | options)


def test_labels_outside_the_outputs() -> None:
    with pytest.raises(InputError, match="ND756"):
        sensitivity(network(), recordings(), [9] * 6)
