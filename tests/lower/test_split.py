"""Layers on several cores, copies and relays: no output of the clocked run changes, none of the event run as stated."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from float_layers import build_layer
from hypothesis import HealthCheck, Phase, given, settings

from by_hand import chain, conv, graph, neurons, sink, source, sum_pool
from nirdynap.chips.chip import Chip, load_chip
from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.layers import IntLayer, Link, Readout
from nirdynap.ir.spec import Memory, Spec
from nirdynap.lower.arrange import Copy, relays_of
from nirdynap.lower.assemble import assemble
from nirdynap.lower.group import group
from nirdynap.lower.integers import discretize
from nirdynap.lower.place import place
from nirdynap.lower.split import cut
from nirdynap.lower.wishes import ANYWHERE, wishes_of
from nirdynap.nn import dynapcnn_to_torch
from nirdynap.passes import normalise
from nirdynap.sim import simulate
from nirdynap.store import load, save
from nirdynap.testing import oracle
from nirdynap.testing.graphs import networks
from nirdynap.testing.same import assert_same_result
from nirdynap.verify import verify

PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
BIG = Path(__file__).parents[1] / "chips" / "big.toml"
READING = {"convention": "torch", "reset": "subtract"}


def roomy(cores: int = 60) -> Chip:
    """An imaginary chip with many large cores, each with two destinations as on a Speck."""
    big = load_chip(BIG)
    limits = dataclasses.replace(big.limits, destinations=2)
    return dataclasses.replace(big, cores=big.cores[:1] * cores, limits=limits)


def assert_same_run(split, whole, layers=True):
    """Equal wherever the two specs have something in common."""
    assert split.output_rasters.keys() == whole.output_rasters.keys()
    for name, raster in whole.output_rasters.items():
        np.testing.assert_array_equal(split.output_rasters[name], raster)
        assert split.output_events[name] == whole.output_events[name]
        np.testing.assert_array_equal(split.output_counts[name], whole.output_counts[name])
        np.testing.assert_array_equal(split.decisions[name], whole.decisions[name])
    for (core,) in whole.spec.layers:
        mine, theirs = split[core.name], whole[core.name]
        np.testing.assert_array_equal(mine.counts, theirs.counts)
        np.testing.assert_array_equal(mine.membrane, theirs.membrane)
        assert mine.stats.spikes == theirs.stats.spikes
        assert mine.stats.synaptic_operations == theirs.stats.synaptic_operations
        assert mine.stats.saturated == theirs.stats.saturated


def assert_same_runs(split, whole, raster):
    for per_step in ("one", "many"):
        for saturate in (True, False):
            options = {"spikes_per_step": per_step, "saturate": saturate}
            assert_same_run(simulate(split, raster, **options), simulate(whole, raster, **options))
    options = {"emission": "channel", "bias_clock_us": 700}
    assert_same_run(simulate(split, raster, "event", **options), simulate(whole, raster, "event", **options))


# --- the pieces -------------------------------------------------------------------------------------------------------


@st.composite
def plans(draw):
    """Layers in integers, any plan of them, and how many slots a core has."""
    number = draw(st.integers(1, 4))
    layers, plan = [], []
    for i in range(number):
        out, later = draw(st.integers(1, 5)), range(i + 1, number)
        links = [
            Link(target=target, pooling=(draw(st.sampled_from([1, 2])),) * 2, feature_shift=draw(st.integers(0, 5)))
            for target in (draw(st.lists(st.sampled_from(later), max_size=4)) if later else [])
        ]
        layer = build_layer(
            f"layer{i}",
            weights=np.arange(1, out * 18 + 1).reshape(out, 2, 3, 3),
            input_shape=(2, 6, 7),
            bias=np.arange(out) if draw(st.booleans()) else None,
            links=tuple(links),
            readouts=(Readout(pooling=(1, 1), name=f"out{i}", feature_shift=draw(st.integers(0, 3))),) * (i % 2),
            input_shifts=tuple(draw(st.lists(st.integers(0, 3), max_size=2))),
            decimator=draw(st.sampled_from([1, 2])),
        )
        order = draw(st.permutations(range(len(links))))
        groups = [order[: i + 1], order[i + 1 :]] if len(order) > i + 1 else [order]
        ends = [sorted({out, *draw(st.sets(st.integers(1, out)))}) for _ in groups]
        sizes = [tuple(end - start for start, end in itertools.pairwise([0, *e])) for e in ends]
        plan.append(tuple(Copy(links=tuple(g), channels=n) for g, n in zip(groups, sizes, strict=True)))
        layers.append(layer)
    integers, _ = discretize(tuple(layers), bias_bits=8, spikes_per_step="many")
    return integers, tuple(plan), draw(st.integers(2, 4))


def arriving(pieces, at, slots):
    """The links of a piece, and those of the relays behind it, in the order in which spikes take them."""
    links = pieces[at].layer.links
    assert len(links) <= slots
    for k, link in enumerate(links):
        if not pieces[link.target].is_relay:
            yield link
            continue
        assert (k, link) == (slots - 1, Link(target=at + 1, pooling=(1, 1), feature_shift=0))
        yield from arriving(pieces, link.target, slots)


@settings(PROPERTY, max_examples=40, phases=[Phase.explicit, Phase.generate])
@given(plans())
def test_each_part_holds_its_channels_and_feeds_all_parts_of_its_layers_targets(case):
    layers, plan, slots = case
    found = cut(layers, plan, slots)
    assert found.names == tuple(f"layer{i}" for i in range(len(layers)))
    numbers = iter(n for n, piece in enumerate(found.pieces) if not piece.is_relay)
    at = [[[next(numbers) for _ in copy.channels] for copy in copies] for copies in plan]
    assert next(numbers, None) is None
    ways_in = []
    for i, layer in enumerate(layers):
        for c, copy in enumerate(plan[i]):
            ways_in += [(n, shift) for shift in layer.input_shifts for n in at[i][c]]
            for p, number in enumerate(at[i][c]):
                piece, first = found.pieces[number], sum(copy.channels[:p])
                assert (piece.source, piece.part, piece.is_copy, piece.is_relay) == (i, p, c > 0, False)
                links = [
                    dataclasses.replace(layer.links[k], target=n, feature_shift=layer.links[k].feature_shift + first)
                    for k in copy.links
                    for parts in at[layer.links[k].target]
                    for n in parts
                ]
                assert list(arriving(found.pieces, number, slots)) == links
                assert piece.layer == part_of(layer, first, copy.channels[p], piece.layer.links, is_copy=c > 0)
                relays = found.pieces[number + 1 : number + 1 + relays_of(len(links), slots)]
                assert all((r.source, r.part, r.is_copy, r.is_relay) == (i, p, c > 0, True) for r in relays)
                assert [r.layer for r in relays] == [relay_of(piece.layer, r.layer.links) for r in relays]
    assert found.inputs == tuple(ways_in)


def part_of(layer, first, channels, links, *, is_copy):
    """What is read, is read of the layer itself and of no copy."""
    end = first + channels
    return dataclasses.replace(
        layer,
        name=f"{layer.name} (copy)" if is_copy else layer.name,
        origin=() if is_copy else layer.origin,
        neuron_shape=(channels, *layer.neuron_shape[1:]),
        weights=layer.weights[first:end],
        bias=None if layer.bias is None else layer.bias[first:end],
        links=links,
        readouts=()
        if is_copy
        else tuple(dataclasses.replace(r, feature_shift=r.feature_shift + first) for r in layer.readouts),
        first_channel=first,
    )


def relay_of(part, links):
    """One spike in, the same spike out: whatever the part is, this is a layer of no bias that adds up nothing."""
    channels = part.neuron_shape[0]
    weights = np.zeros((channels, channels, 1, 1), dtype=np.int8)
    weights[range(channels), range(channels)] = 1
    return IntLayer(
        name=f"{part.name} (relay)",
        origin=(),
        input_shape=part.neuron_shape,
        neuron_shape=part.neuron_shape,
        weights=weights,
        bias=None,
        stride=(1, 1),
        padding=(0, 0),
        threshold_high=1,
        threshold_low=-(2**15),
        return_to_zero=False,
        scale=1.0,
        quantisation=None,
        links=links,
        readouts=(),
        input_shifts=(),
        first_channel=part.first_channel,
    )


# --- whole networks ---------------------------------------------------------------------------------------------------


@st.composite
def cut_up(draw):
    """A graph, the spec of it in one piece per layer, and one in which layers are split, relayed and copied."""
    drawn = draw(networks(max_layers=4))
    whole = nir_to_dynapcnn(drawn, BIG, convention="torch")
    parts = {core.name: draw(st.integers(1, min(3, core.neuron_shape[0]))) for core in whole.cores}
    return whole, nir_to_dynapcnn(drawn, roomy(), convention="torch", split=parts), parts


def raster_for(data, spec, steps=4):
    seed = data.draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).poisson(0.5, (steps, 2, *spec.input_shape))


@PROPERTY
@given(cut_up(), st.data())
def test_a_split_network_is_the_whole_one_bit_for_bit(case, data):
    whole, split, parts = case
    assert {cores[0].name: len(cores) for cores in split.layers} == parts
    assert all(len(core.destinations) <= 2 for core in split.cores)
    assert_same_runs(split, whole, raster_for(data, whole))


@settings(PROPERTY, max_examples=15)
@given(cut_up(), st.data())
def test_simulators_agree_on_a_split_network(case, data):
    _, split, _ = case
    raster = raster_for(data, split, steps=2)
    assert_same_result(simulate(split, raster, record="all"), oracle.clocked(split, raster, record="all"))


@settings(PROPERTY, max_examples=15)
@given(case=cut_up())
def test_a_split_network_is_saved_and_loaded_as_it_is(case, tmp_path_factory):
    _, split, _ = case
    for name in ("split.json", "split.h5"):
        path = tmp_path_factory.mktemp("spec") / name
        save(split, path)
        assert load(path) == split


words = st.sampled_from([64, 128, 256, 512, 2048])


@PROPERTY
@given(networks(max_layers=3), st.lists(st.tuples(words, words), min_size=3, max_size=9), st.data())
def test_what_fits_a_tight_chip_is_the_network_of_a_large_one(drawn, cores, data):
    speck = load_chip("speck2f")
    chip = dataclasses.replace(speck, cores=tuple(Memory(kernel, neuron, 16) for kernel, neuron in cores))
    report = check(drawn, chip, convention="torch")
    if not report.fits:
        assert {"ND301", "ND302", "ND303", "ND304", "ND305", "ND306", "ND319"} & {d.code for d in report.diagnostics}
        return
    spec = nir_to_dynapcnn(drawn, chip, convention="torch")
    assert len({core.core for core in spec.cores}) == len(spec.cores)
    assert all(n <= room for core in spec.cores for n, room in zip(core.memory, chip.cores[core.core], strict=True))
    whole = nir_to_dynapcnn(drawn, BIG, convention="torch")
    assert_same_runs(spec, whole, raster_for(data, whole))


# --- the two layers that no Speck core holds --------------------------------------------------------------------------


def weights(rng, out, channels, kernel):
    return rng.normal(0.3, 1, (out, channels, kernel, kernel)).astype(np.float32)


def too_large(rng):
    """A layer of 128 Ki neuron words and one of 128 Ki kernel words."""
    nodes = {"in": source(2, 64, 64), "wide": conv(weight=weights(rng, 32, 2, 3), padding=1), "if0": neurons(4.0)}
    nodes |= {"pool0": sum_pool(4), "conv": conv(weight=weights(rng, 64, 32, 3), padding=1, stride=2)}
    nodes |= {"if1": neurons(8.0), "deep": conv(weight=weights(rng, 128, 64, 3), padding=1), "if2": neurons(16.0)}
    nodes |= {"pool2": sum_pool(4), "last": conv(weight=weights(rng, 10, 128, 2)), "if3": neurons(16.0)}
    return chain(**nodes, out=sink())


def test_128_ki_neuron_words_and_128_ki_kernel_words_run_on_a_speck():
    rng = np.random.default_rng(5)
    drawn = too_large(rng)
    whole, spec = (nir_to_dynapcnn(drawn, chip, **READING) for chip in (BIG, "speck2f"))
    assert whole.find_core("wide").memory.neuron == whole.find_core("deep").memory.kernel == 128 * 1024
    assert [len(cores) for cores in spec.layers] == [2, 1, 2, 1]
    raster = rng.poisson(0.05, (6, 1, 2, 64, 64))
    assert_same_runs(spec, whole, raster)
    assert simulate(spec, raster, "event", emission="channel").output_counts["out"].sum() > 0
    assert [d.code for d in spec.notes if d.code == "ND320"] == ["ND320", "ND320"]


def test_torch_and_the_ladder_take_a_split_network_for_the_whole_one():
    rng = np.random.default_rng(5)
    drawn = too_large(rng)
    whole, spec = (nir_to_dynapcnn(drawn, chip, **READING) for chip in (BIG, "speck2f"))
    raster = rng.poisson(0.05, (3, 1, 2, 64, 64))
    model = dynapcnn_to_torch(spec)
    assert_same_run(model.run(torch.from_numpy(raster)), simulate(whole, raster))
    one, two = (verify(drawn, chip, raster, **READING) for chip in (BIG, "speck2f"))
    assert [rung.layers for rung in one.rungs[:3]] == [rung.layers for rung in two.rungs[:3]]
    assert one.comparisons[:2] == two.comparisons[:2]


def test_never_refuses_and_says_which_split_would_do():
    with pytest.raises(CompileError) as caught:
        nir_to_dynapcnn(too_large(np.random.default_rng(5)), split="never", **READING)
    errors = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert [d.code for d in errors] == ["ND302", "ND301"]
    for error in errors:
        assert error.hint.startswith("split={'wide': 2, 'deep': 2} (--split wide=2,deep=2), or at most ")


# --- relays and copies ------------------------------------------------------------------------------------------------


def fan(branches, channels=2, meet=False):
    """One layer that feeds many, which end in outputs of their own or meet again."""
    rng = np.random.default_rng(branches)
    nodes = {"in": source(1, 6, 6), "conv": conv(weight=weights(rng, channels, 1, 3)), "if": neurons(1.0)}
    paths = []
    if meet:
        join = np.abs(weights(rng, 2, 2, 1)) * np.array([[1, 1], [1, -0.5]])[:, :, None, None]
        nodes |= {"join": conv(weight=join), "if_join": neurons(2.0), "out": sink()}
        paths.append("join -> if_join -> out")
    for b in range(branches):
        nodes |= {f"b{b}": conv(weight=weights(rng, 2, channels, 2)), f"if{b}": neurons(2.0)}
        if not meet:
            nodes[f"out{b}"] = sink()
        paths.append(f"if -> b{b} -> if{b} -> {'join' if meet else f'out{b}'}")
    return graph(nodes, "in -> conv -> if", *paths)


@pytest.mark.parametrize(("branches", "meet"), [(3, False), (3, True), (4, False), (4, True), (6, False)])
def test_more_destinations_than_slots_change_nothing(branches, meet):
    drawn = fan(branches, meet=meet)
    whole, spec = (nir_to_dynapcnn(drawn, chip, **READING) for chip in (roomy_slots(), "speck2f"))
    extra = [core.name for core in spec.cores if not core.origin]
    assert len(spec.cores) == len(whole.cores) + len(extra) <= 9
    raster = np.random.default_rng(1).poisson(0.7, (5, 2, *whole.input_shape))
    assert_same_runs(spec, whole, raster)
    assert all(counts.any() for counts in simulate(spec, raster, "event").output_counts.values())
    notes = [d for d in spec.notes if d.code == "ND322"]
    assert len(notes) == len(extra) > 0
    if meet:  # a copy would change the order in which the branches are heard
        assert not any("copy" in name for name in extra)


def roomy_slots() -> Chip:
    big = load_chip(BIG)
    return dataclasses.replace(big, limits=dataclasses.replace(big.limits, destinations=16))


@pytest.mark.parametrize(("channels", "expected"), [(2, "conv (relay)"), (64, "conv (copy)")])
def test_the_cheaper_of_relay_and_copy_is_taken(channels, expected):
    spec = nir_to_dynapcnn(fan(3, channels), **READING)
    assert [core.name for core in spec.cores if not core.origin] == [expected]


def test_a_copy_serves_any_of_the_links_and_not_only_neighbours():
    """Of three targets the second has two parts: one copy feeds it, the other one the first and the third."""
    drawn = fan(3)
    whole = nir_to_dynapcnn(drawn, roomy_slots(), **READING)
    spec = nir_to_dynapcnn(drawn, split={"b1": 2}, **READING)
    fed = {core.name: {spec.core(d.core).name for d in core.destinations} for core in spec.cores}
    assert len(spec.cores) == 6
    assert (fed["conv"], fed["conv (copy)"]) == ({"b0", "b2"}, {"b1"})
    assert_same_runs(spec, whole, np.random.default_rng(1).poisson(0.7, (5, 2, *whole.input_shape)))


def test_cores_of_a_single_slot_are_fed_by_copies_alone():
    big = load_chip(BIG)
    one = dataclasses.replace(big, limits=dataclasses.replace(big.limits, destinations=1))
    whole, spec = (nir_to_dynapcnn(fan(3), chip, **READING) for chip in (roomy_slots(), one))
    assert [core.name for core in spec.cores if not core.origin] == ["conv (copy)"] * 2
    assert_same_runs(spec, whole, np.random.default_rng(1).poisson(0.7, (5, 2, *whole.input_shape)))
    assert [d.code for d in check(fan(3, meet=True), one, **READING).diagnostics if d.severity == "error"] == ["ND319"]


def test_relays_are_exact_in_breadth_order_behind_a_chain():
    drawn = fan(3, meet=False)
    whole, spec = (nir_to_dynapcnn(drawn, chip, **READING) for chip in (roomy_slots(), "speck2f"))
    assert "conv (relay)" in {core.name for core in spec.cores}
    raster = np.random.default_rng(1).poisson(0.7, (5, 2, *whole.input_shape))
    for order in ("depth", "breadth"):
        for emission in ("raster", "channel"):
            options = {"order": order, "emission": emission}
            assert_same_run(simulate(spec, raster, "event", **options), simulate(whole, raster, "event", **options))


def with_a_copy(drawn) -> Spec:
    """The spec in which the first layer is computed twice: for its first two links, and once more for the others."""
    speck = load_chip("speck2f")
    network = normalise(read(drawn, **READING))
    floats = group(network)
    integers, _ = discretize(floats, bias_bits=8, spikes_per_step="many")
    plan = [(Copy(links=tuple(range(len(n.links))), channels=(n.neuron_shape[0],)),) for n in floats]
    stem = len(floats[0].links)
    plan[0] = tuple(Copy(links=links, channels=plan[0][0].channels) for links in ((0, 1), tuple(range(2, stem))))
    pieces = cut(integers, tuple(plan), speck.limits.destinations)
    wishes, _ = wishes_of(floats, speck, "auto", ANYWHERE, ())
    return assemble(network, pieces, place(pieces, speck, wishes), speck, notes=())


@pytest.mark.parametrize("meet", [False, True])
def test_a_copy_is_exact_but_for_the_order_in_which_branches_that_meet_are_heard(meet):
    """Why none is made there: in depth order a core that listens to both ways hears all spikes of one way first."""
    drawn = fan(3, channels=4, meet=meet)
    whole, copied = nir_to_dynapcnn(drawn, roomy_slots(), **READING), with_a_copy(drawn)
    assert [core.name for core in copied.cores if not core.origin] == ["conv (copy)"]
    raster = np.random.default_rng(1).poisson(0.7, (5, 2, *whole.input_shape))
    assert_same_run(simulate(copied, raster), simulate(whole, raster))
    for order, emission in itertools.product(("depth", "breadth"), ("raster", "channel")):
        one, two = (simulate(spec, raster, "event", order=order, emission=emission) for spec in (whole, copied))
        same = [one.output_events[name] == two.output_events[name] for name in one.output_events]
        if not meet:
            assert all(same)
        elif order == "depth":  # and that changes how often it fires
            assert not all(same)
            assert one["join"].counts.sum() != two["join"].counts.sum()
