"""Integers that are chosen on recordings are never further from the floats there than those of the other rules."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spec_layers import int_layers

import nirdynap
from by_hand import chain, conv, neurons, sink, source
from nirdynap.calibrate.float_events import external
from nirdynap.calibrate.network import run_all
from nirdynap.calibrate.scoring import distance, in_windows, rate_error
from nirdynap.frontend import read
from nirdynap.lower.group import group
from nirdynap.passes import normalise
from nirdynap.shipped import shipped
from nirdynap.sim.stimulus import read_recording
from nirdynap.testing import networks

PROPERTY = settings(deadline=None, max_examples=4, suppress_health_check=list(HealthCheck))
DIGITS = shipped("digits", "digits.nir")
DT = 1000


def recordings(seed, shape, samples=3, steps=20, rate=0.3):
    raster = np.random.default_rng(seed).random((samples, steps, *shape)) < rate
    return tuple(nirdynap.Events.from_raster(counts) for counts in raster.astype(int))


def small(bias=0.0, **changed):
    """Two layers whose largest weight spends the range of rule "max-abs"."""
    random = np.random.default_rng(7)
    first, second = random.normal(0.1, 0.2, (4, 1, 3, 3)), random.normal(0.1, 0.2, (3, 4, 3, 3))
    first[0, 0, 0, 0] = 3.0
    return chain(
        input=source(1, 8, 8),
        conv=conv(4, weight=first, bias=np.full(4, bias), **changed),
        neurons=neurons(),
        second=conv(3, 4, weight=second),
        more=neurons(),
        output=sink(),
    )


def convert(graph, discretize, **options):
    return nirdynap.nir_to_dynapcnn(graph, convention="torch", discretize=discretize, **options)


def error(graph, spec, samples, **reading):
    """Spikes too many or too few of all neurons, as a part of the float network's."""
    network = normalise(read(graph, **({"convention": "torch"} | reading)))
    stimuli = read_recording(samples, network.input.input_shape, dt_us=DT, duration_us=None)
    known = [external(s, np.arange(DT, s.end_us + 1, DT)) for s in stimuli]
    layers = int_layers(spec)
    pairs = [run_all(some, known) for some in (layers, group(network))]
    counted = [
        [[in_windows(s[k], layer.neuron_shape, len(e.c)) for s, e in zip(found, known, strict=True)] for found in pairs]
        for k, layer in enumerate(layers)
    ]
    return rate_error([distance(ours, theirs) for ours, theirs in counted])


@PROPERTY
@given(graph=networks(max_layers=3), seed=st.integers(0, 99))
def test_never_further_from_the_floats_on_the_recordings_than_the_other_rules(graph, seed):
    samples = recordings(seed, normalise(read(graph, "torch")).input.input_shape, samples=2, steps=6)
    plain, aware = (convert(graph, rule) for rule in ("max-abs", "threshold-aware"))
    chosen = convert(graph, nirdynap.Calibrate(samples, budget_s=600))
    assert error(graph, chosen, samples) <= min(error(graph, plain, samples), error(graph, aware, samples))


@pytest.mark.parametrize("rounding", [True, False])
@pytest.mark.parametrize("bias", [0.0, 0.04])
def test_nearer_to_the_floats_than_rule_max_abs_on_other_recordings_too(rounding, bias):
    graph = small(bias)
    spec = convert(graph, nirdynap.Calibrate(recordings(1, (1, 8, 8)), rounding=rounding))
    errors = [error(graph, s, recordings(2, (1, 8, 8))) for s in (convert(graph, "max-abs", bias_bits=16), spec)]
    assert errors[1] < (0.7 if rounding else 1.0) * errors[0]
    for core in spec.cores:
        assert core.quantisation.rule == "calibrated"
        assert core.quantisation.after <= core.quantisation.before
        assert core.quantisation.candidates > 15


def test_when_the_budget_runs_out_it_stops_and_says_so_and_is_still_no_worse():
    graph, samples = small(), recordings(1, (1, 8, 8))
    spec = convert(graph, nirdynap.Calibrate(samples, budget_s=1e-6))
    assert [note.place for note in spec.notes if note.code == "ND590"] == ["$.nodes.conv", "$.nodes.second"]
    assert error(graph, spec, samples) <= error(graph, convert(graph, "max-abs"), samples)


def test_layers_that_do_not_fire_are_named():
    one = nirdynap.Events(t=[0], c=[0], y=[0], x=[0])
    spec = convert(small(), nirdynap.Calibrate(one))
    assert [note.place for note in spec.notes if note.code == "ND591"] == ["$.nodes.second"]


def test_recordings_of_nothing_are_refused():
    with pytest.raises(nirdynap.InputError, match=r"^ND513 .*\$\.discretize\.samples.*not one event"):
        convert(small(), nirdynap.Calibrate(recordings(2, (1, 8, 8), rate=0.0)))


def test_the_node_s_own_scale_stays():
    graph = small()
    graph.nodes["neurons"].metadata = {"dynapcnn": {"scale": 20.0}}
    spec = convert(graph, nirdynap.Calibrate(recordings(1, (1, 8, 8))))
    assert [core.quantisation.rule for core in spec.cores] == ["given", "calibrated"]
    assert spec.cores[0].scale == 20.0


def test_a_file_of_recordings_is_what_it_holds(tmp_path):
    samples = recordings(1, (1, 8, 8))
    arrays = {name: np.concatenate([getattr(e, name) for e in samples]) for name in ("t", "c", "y", "x")}
    np.savez(tmp_path / "some.npz", **arrays, start=np.cumsum([0, *map(len, samples)]))
    loaded = convert(small(0.04), nirdynap.Calibrate(tmp_path / "some.npz"))
    assert loaded.digest() == convert(small(0.04), nirdynap.Calibrate(samples)).digest()


def test_behind_a_camera_the_recordings_are_the_camera_s():
    samples = recordings(1, (1, 8, 8))
    at_camera = tuple(nirdynap.Events(t=e.t, c=e.c, y=e.y + 16, x=e.x + 24) for e in samples)
    options = nirdynap.DvsOptions(origin=(16, 24))
    behind = convert(small(), nirdynap.Calibrate(at_camera), dvs=options)
    alone = convert(small(), nirdynap.Calibrate(samples))
    assert behind.weights_digest() == alone.weights_digest()


def test_progress_is_told_up_to_the_end():
    told = []
    convert(
        small(), nirdynap.Calibrate(recordings(1, (1, 8, 8)), progress=lambda done, total: told.append((done, total)))
    )
    done = [d for d, _ in told]
    assert done == sorted(done)
    assert told[-1][0] == told[-1][1]


def test_the_same_bytes_in_two_processes_with_different_hash_seeds(tmp_path):
    code = f"""
import sys, nirdynap
from pathlib import Path
from nirdynap.store.recordings import read_recordings
samples = read_recordings(Path({str(shipped("digits", "digits_test.npz"))!r})).samples[:3]
spec = nirdynap.nir_to_dynapcnn({str(DIGITS)!r}, discretize=nirdynap.Calibrate(samples, budget_s=600))
nirdynap.save(spec, sys.argv[1])
"""
    files = [tmp_path / f"{seed}.h5" for seed in ("1", "2")]
    for file in files:
        seeded = {**os.environ, "PYTHONHASHSEED": file.stem}
        subprocess.run([sys.executable, "-c", code, file], env=seeded, check=True)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({"budget_s": 0}, {"ND126"}),
        ({"budget_s": True}, {"ND126"}),
        ({"rounding": 1}, {"ND126"}),
        ({"bias_clock_us": 0}, {"ND126"}),
        ({"dt_us": 0}, {"ND507"}),
        ({"duration_us": -1}, {"ND507"}),
        ({"samples": "no such file.npz"}, {"ND511"}),
        ({"samples": 3}, {"ND513"}),
        ({"samples": ()}, {"ND505"}),
        ({"samples": nirdynap.Events(t=[0], c=[5], y=[0], x=[0])}, {"ND503"}),
    ],
)
def test_what_cannot_be_calibrated_on_is_said(options, codes):
    rule = nirdynap.Calibrate(**({"samples": recordings(1, (1, 8, 8))} | options))
    with pytest.raises(nirdynap.NirdynapError) as caught:
        convert(small(), rule)
    assert {d.code for d in caught.value.diagnostics} == codes
    assert not nirdynap.check(small(), convention="torch", discretize=rule).fits


def test_what_no_rule_can_make_integers_of_is_refused_as_without_recordings():
    graph = small()
    graph.nodes["second"] = conv(3, 4, weight=np.zeros((3, 4, 3, 3)))
    with pytest.raises(nirdynap.CompileError) as caught:
        convert(graph, nirdynap.Calibrate(recordings(1, (1, 8, 8))))
    assert [d.code for d in caught.value.diagnostics if d.severity == "error"] == ["ND401"]


def test_a_node_s_own_scale_that_the_chip_cannot_hold_is_refused_as_without_recordings():
    graph = small()
    graph.nodes["neurons"].metadata = {"dynapcnn": {"scale": 2000.0}}
    with pytest.raises(nirdynap.CompileError) as caught:
        convert(graph, nirdynap.Calibrate(recordings(1, (1, 8, 8))))
    assert [d.code for d in caught.value.diagnostics if d.severity == "error"] == ["ND409"]


def test_a_network_that_fits_no_chip_is_not_calibrated():
    told = []
    graph = small(padding=8)
    rule = nirdynap.Calibrate(recordings(1, (1, 8, 8)), progress=lambda *done: told.append(done))
    report = nirdynap.check(graph, convention="torch", discretize=rule)
    assert not report.fits
    assert told == []
