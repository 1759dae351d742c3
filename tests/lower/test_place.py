"""Placement against every assignment there is, and the advice against the placement itself."""

from __future__ import annotations

import dataclasses
import itertools
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from float_layers import build_layer, chip_of
from hypothesis import HealthCheck, assume, given, settings

from nirdynap.chips.chip import Chip, load_chip
from nirdynap.errors import CompileError
from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import Layer
from nirdynap.lower.place import place, placement_findings
from nirdynap.lower.rules import candidates, memory_of_layer, rule_findings

WORDS = st.sampled_from([16, 64, 256, 1024])
CORES = st.lists(st.tuples(WORDS, WORDS, st.sampled_from([0, 16])), min_size=1, max_size=5)


@st.composite
def layers(draw, max_size=5):
    made = []
    for i in range(draw(st.integers(1, max_size))):
        out, side = draw(st.integers(1, 16)), draw(st.integers(1, 4))
        bias = np.ones(out) if draw(st.integers(0, 3)) == 3 else None
        kernel = draw(st.integers(1, side))
        made.append(build_layer(f"layer{i}", out=out, kernel=kernel, input_shape=(2, side, side), bias=bias))
    return tuple(made)


@st.composite
def crowded(draw):
    """As many layers as cores, or one less; one core could hold any of them, and often not all find a place."""
    words = st.sampled_from([64, 256, 1024])
    small = draw(st.lists(st.tuples(words, words, st.just(16)), min_size=1, max_size=4))
    chip = chip_of(*draw(st.permutations([(1024, 1024, 16), *small])))
    drawn = tuple(
        build_layer(f"layer{i}", out=draw(st.sampled_from([11, 16])), kernel=1, input_shape=(channels, side, side))
        for i in range(len(chip.cores) - draw(st.integers(0, 1)))
        for channels, side in [draw(st.sampled_from([(1, 8), (64, 1), (4, 4), (64, 8), (16, 2)]))]
    )
    findings = placement_findings(drawn, chip)
    assume(findings)
    return drawn, chip, *findings


def assignments(given_layers: tuple[Layer, ...], chip: Chip) -> list[tuple[int, ...]]:
    """All that fit, by trying everything, in lexicographic order."""
    options = [candidates(memory_of_layer(layer), chip) for layer in given_layers]
    every = itertools.permutations(range(len(chip.cores)), len(given_layers))
    return [cores for cores in every if all(c in o for c, o in zip(cores, options, strict=True))]


def narrowed(layer: Layer, features: int) -> Layer:
    """The same layer with fewer output features."""
    bias = None if layer.bias is None else frozen(layer.bias[:features], np.float64)
    weights = frozen(layer.weights[:features], np.float64)
    return dataclasses.replace(layer, weights=weights, bias=bias, neuron_shape=(features, *layer.neuron_shape[1:]))


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
@given(drawn=layers(), cores=CORES)
def test_the_first_of_all_assignments_or_a_proof_that_there_is_none(drawn, cores):
    chip = chip_of(*cores)
    every = assignments(drawn, chip)
    if every:
        assert placement_findings(drawn, chip) == ()
        assert place(drawn, chip) == every[0]
        return
    findings = [*rule_findings(drawn, chip), *placement_findings(drawn, chip)]
    assert {d.code for d in findings} & {"ND301", "ND302", "ND303", "ND304", "ND305", "ND306"}


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
@given(crowd=crowded())
def test_the_layers_named_compete_and_no_fewer_do(crowd):
    drawn, chip, finding = crowd
    stuck = tuple(layer for layer in drawn if f"{layer.name} (" in finding.found)
    assert len(stuck) == finding.value == finding.limit + 1
    assert assignments(stuck, chip) == []
    for i in range(len(stuck)):
        assert assignments((*stuck[:i], *stuck[i + 1 :]), chip)
    named = sorted({core for layer in stuck for core in candidates(memory_of_layer(layer), chip)})
    assert f"fit cores {', '.join(map(str, named))} only" in finding.found


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
@given(crowd=crowded())
def test_the_suggested_change_makes_it_fit_and_nothing_less_does(crowd):
    drawn, chip, finding = crowd
    placeable = [layer for layer in drawn if candidates(memory_of_layer(layer), chip)]
    advice = re.fullmatch(r"(\w+) with at most (\d+) instead of (\d+) output features", finding.hint)
    shares = []
    for i, layer in enumerate(placeable):
        for features in range(1, layer.neuron_shape[0]):
            changed = (*placeable[:i], narrowed(layer, features), *placeable[i + 1 :])
            if assignments(changed, chip):
                shares.append(features / layer.neuron_shape[0])
    if advice is None:
        assert shares == []
        return
    name, most, before = advice[1], int(advice[2]), int(advice[3])
    (i,) = (i for i, layer in enumerate(placeable) if layer.name == name)
    assert placeable[i].neuron_shape[0] == before
    assert assignments((*placeable[:i], narrowed(placeable[i], most), *placeable[i + 1 :]), chip)
    assert most / before == max(shares)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
@given(drawn=layers(max_size=1), cores=CORES)
def test_a_layer_that_no_core_holds_is_told_how_many_features_one_would(drawn, cores):
    chip = chip_of(*cores)
    (layer,) = drawn
    assume(not candidates(memory_of_layer(layer), chip))
    findings = list(rule_findings(drawn, chip))
    assert findings
    fitting = [n for n in range(1, layer.neuron_shape[0]) if candidates(memory_of_layer(narrowed(layer, n)), chip)]
    for finding in findings:
        advice = re.fullmatch(r"at most (\d+) instead of (\d+) output features", finding.hint)
        assert (advice is None) == (fitting == [])
        if advice:
            assert int(advice[1]) == max(fitting)
    single = {"ND301": "kernel", "ND302": "neuron", "ND303": "bias"}
    need = memory_of_layer(layer)
    for finding in findings:
        if finding.code in single:
            rooms = [getattr(core, single[finding.code]) for core in chip.cores]
            assert (finding.value, finding.limit) == (getattr(need, single[finding.code]), max(rooms))
            assert finding.value > finding.limit
        else:
            assert finding.code == "ND306"
            assert all(n <= max(getattr(c, f) for c in chip.cores) for f, n in need._asdict().items())


def test_place_itself_refuses_what_does_not_fit():
    chip = chip_of((16, 1024, 16), (1024, 16, 16))
    wide = [build_layer(name, out=16, kernel=1, input_shape=(1, 8, 8)) for name in ("a", "b")]
    assert place((wide[0],), chip) == (0,)
    with pytest.raises(CompileError, match="ND304"):
        place(tuple(wide), chip)


def test_too_many_layers_are_one_finding_and_not_two():
    chip = chip_of((1024, 1024, 16))
    many = (build_layer("a"), build_layer("b"))
    assert placement_findings(many, chip) == ()
    assert [d.code for d in rule_findings(many, chip)] == ["ND305"]


def test_earlier_layers_get_lower_cores_of_a_speck():
    speck = load_chip("speck2f")
    deep = build_layer("deep", weights=np.ones((64, 64, 3, 3)), input_shape=(64, 8, 8), padding=(1, 1))
    assert place((build_layer("a"), deep, build_layer("b")), speck) == (0, 5, 1)
