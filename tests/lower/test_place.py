"""Placement against every assignment there is, and the advice against the placement itself."""

from __future__ import annotations

import dataclasses
import itertools
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from float_layers import build_layer, chip_of
from hypothesis import HealthCheck, Phase, assume, given, settings

from by_hand import chain, conv, graph, neurons, nine_cores, sink, source
from nirdynap.chips.chip import Chip, load_chip
from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import Layer, Link
from nirdynap.lower.arrange import Copy, arrange
from nirdynap.lower.group import group
from nirdynap.lower.integers import discretize
from nirdynap.lower.place import loads_of, place
from nirdynap.lower.rules import candidates, memory_of_layer, rule_findings
from nirdynap.lower.split import cut
from nirdynap.lower.unplaceable import plan_or_findings
from nirdynap.lower.wishes import ANYWHERE, Wishes, wishes_of
from nirdynap.passes import normalise
from nirdynap.sim import simulate
from nirdynap.testing.graphs import networks

PROPERTY = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
WORDS = st.sampled_from([16, 64, 256, 1024])
CORES = st.lists(st.tuples(WORDS, WORDS, st.sampled_from([0, 16])), min_size=1, max_size=5)
SPLITS = st.sampled_from(["auto", "never"])


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
    """Layers that do not fit together, though each would alone, at least in parts; and the finding that says so."""
    words = st.sampled_from([64, 256, 1024])
    small = draw(st.lists(st.tuples(words, words, st.just(16)), min_size=1, max_size=4))
    chip = chip_of(*draw(st.permutations([(1024, 1024, 16), *small])))
    number = len(chip.cores) - draw(st.integers(0, 1))
    drawn = []
    for i in range(number):
        channels, side, kernel = draw(
            st.sampled_from([(1, 8, 1), (64, 1, 1), (4, 4, 1), (1, 8, 3), (4, 4, 3), (2, 4, 4)])
        )
        targets = draw(st.lists(st.sampled_from(range(i + 1, number)), max_size=2)) if i + 1 < number else []
        links = tuple(Link(target=t, pooling=(1, 1), feature_shift=0) for t in sorted(targets))
        sizes = {"out": draw(st.sampled_from([11, 16])), "kernel": kernel, "input_shape": (channels, side, side)}
        padding = (kernel // 2,) * 2 if kernel % 2 else (0, 0)
        drawn.append(build_layer(f"layer{i}", **sizes, padding=padding, links=links))
    split = draw(SPLITS)
    plan, findings = planned(tuple(drawn), chip, split)
    assume(plan is None and [d.code for d in findings] == ["ND304"])
    return tuple(drawn), chip, split, *findings


def only(drawn: tuple[Layer, ...], keep: list[int]) -> tuple[Layer, ...]:
    """Some of the layers, and the links between them."""
    return tuple(
        dataclasses.replace(
            drawn[i],
            links=tuple(
                dataclasses.replace(n, target=keep.index(n.target)) for n in drawn[i].links if n.target in keep
            ),
        )
        for i in keep
    )


def planned(drawn, chip, split):
    return plan_or_findings(drawn, chip, wishes(drawn, chip, split))


def wishes(drawn, chip, split) -> Wishes:
    return wishes_of(drawn, chip, split, ANYWHERE, ())[0]


def fits(drawn, chip, split):
    return arrange(drawn, chip, wishes(drawn, chip, split)) is not None


def placed(drawn, chip, split="never"):
    plan, findings = planned(drawn, chip, split)
    assert findings == ()
    return place(cut_for(drawn, plan, chip), chip, wishes(drawn, chip, split))


def cut_for(drawn, plan, chip):
    integers, _ = discretize(drawn, bias_bits=8, spikes_per_step="many")
    return cut(integers, plan, chip.limits.destinations)


def assignments(given_layers: tuple[Layer, ...], chip: Chip) -> list[tuple[int, ...]]:
    """All that fit, by trying everything, in lexicographic order."""
    options = [candidates(memory_of_layer(layer), chip) for layer in given_layers]
    every = itertools.permutations(range(len(chip.cores)), len(given_layers))
    return [cores for cores in every if all(c in o for c, o in zip(cores, options, strict=True))]


def divisible(given_layers: tuple[Layer, ...], chip: Chip) -> bool:
    """Can the cores be shared out, and the channels of each layer over its cores? By trying everything."""
    room = [
        [
            max(
                (n for n in range(1, layer.neuron_shape[0] + 1) if i in candidates(memory_of_layer(layer, n), chip)),
                default=0,
            )
            for i in range(len(chip.cores))
        ]
        for layer in given_layers
    ]
    for owners in itertools.product(range(len(given_layers)), repeat=len(chip.cores)):
        held = [sum(room[k][i] for i, owner in enumerate(owners) if owner == k) for k in range(len(given_layers))]
        if all(h >= layer.neuron_shape[0] for h, layer in zip(held, given_layers, strict=True)):
            return True
    return False


def narrowed(layer: Layer, features: int) -> Layer:
    """The same layer with fewer output features."""
    bias = None if layer.bias is None else frozen(layer.bias[:features], np.float64)
    weights = frozen(layer.weights[:features], np.float64)
    return dataclasses.replace(layer, weights=weights, bias=bias, neuron_shape=(features, *layer.neuron_shape[1:]))


@PROPERTY
@given(drawn=layers(), cores=CORES)
def test_the_first_of_all_assignments_or_a_proof_that_there_is_none(drawn, cores):
    chip = chip_of(*cores)
    every = assignments(drawn, chip)
    if every:
        assert placed(drawn, chip) == every[0]
        return
    findings = [*rule_findings(drawn, chip), *planned(drawn, chip, "never")[1]]
    assert {d.code for d in findings} & {"ND301", "ND302", "ND303", "ND304", "ND305", "ND306"}


@settings(PROPERTY, max_examples=80)
@given(drawn=layers(max_size=4), cores=CORES)
def test_split_layers_fit_where_the_cores_can_be_shared_out_and_nowhere_else(drawn, cores):
    chip = chip_of(*cores)
    possible = divisible(drawn, chip)
    assert (len(drawn) <= len(chip.cores) and fits(drawn, chip, "auto")) == possible
    if possible:
        where = placed(drawn, chip, "auto")
        assert len(set(where)) == len(where)


@PROPERTY
@given(crowd=crowded())
def test_the_layers_named_compete_and_no_fewer_do(crowd):
    drawn, chip, split, finding = crowd
    stuck = [i for i, layer in enumerate(drawn) if f"{layer.name} (" in finding.found]
    assert len(stuck) == finding.value
    assert not fits(only(drawn, stuck), chip, split)
    for i in stuck:
        assert fits(only(drawn, [j for j in stuck if j != i]), chip, split)
    if split == "never" and not any(layer.links for layer in drawn):
        assert assignments(only(drawn, stuck), chip) == []
        assert finding.value == finding.limit + 1


@settings(PROPERTY, max_examples=100)
@given(crowd=crowded())
def test_each_suggested_change_makes_it_fit_and_nothing_less_does(crowd):
    drawn, chip, split, finding = crowd
    if "no change to a single one is enough" in finding.hint:
        for i, layer in enumerate(drawn):
            assert not fits((*drawn[:i], narrowed(layer, 1), *drawn[i + 1 :]), chip, split)
        return
    number = {layer.name: i for i, layer in enumerate(drawn)}
    for advice in finding.hint.split(", or "):
        if parts := re.fullmatch(r"split=\{'(\w+)': (\d+)\} \(--split \1=\2\)", advice):
            assert fits(drawn, chip, {parts[1]: int(parts[2])})
        elif sizes := re.fullmatch(r"(\w+) with a (\d+)x\2 kernel and padding (\d+)x(\d+) instead of (\d+)x\5", advice):
            name, (kernel, y, x, before) = sizes[1], map(int, sizes.groups()[1:])
            i = number[name]
            assert drawn[i].weights.shape[2] == before > kernel
            changed = with_kernel(drawn[i], kernel, (y, x))
            assert changed.neuron_shape == drawn[i].neuron_shape, "the layers behind see the same map"
            assert fits((*drawn[:i], changed, *drawn[i + 1 :]), chip, split)
            for larger in range(kernel + 1, before):
                for padding in itertools.product(range(before), repeat=2):
                    other = with_kernel(drawn[i], larger, padding)
                    same_map = other.neuron_shape == drawn[i].neuron_shape
                    assert not (same_map and fits((*drawn[:i], other, *drawn[i + 1 :]), chip, split))
        else:
            name, most, before = re.fullmatch(
                r"(\w+) with at most (\d+) instead of (\d+) output features", advice
            ).groups()
            i = number[name]
            assert drawn[i].neuron_shape[0] == int(before)
            assert fits((*drawn[:i], narrowed(drawn[i], int(most)), *drawn[i + 1 :]), chip, split)
            assert not fits((*drawn[:i], narrowed(drawn[i], int(most) + 1), *drawn[i + 1 :]), chip, split)


def with_kernel(layer: Layer, kernel: int, padding: tuple[int, int]) -> Layer:
    """The layer with another kernel, and the map that it then has."""
    weights = layer.weights[:, :, :kernel, :kernel]
    return build_layer(layer.name, weights=weights, input_shape=layer.input_shape, padding=padding, links=layer.links)


@settings(PROPERTY, max_examples=60)
@given(drawn=layers(max_size=4), cores=CORES)
def test_layers_that_no_core_holds_are_told_whether_fewer_features_are_enough(drawn, cores):
    """Each with the number of features that it is told: then all fits, or the finding says that it does not."""
    chip = chip_of(*cores)
    findings = [d for d in planned(drawn, chip, "never")[1] if d.code != "ND304"]
    changed = {
        d.place: re.search(r"at most (\d+) instead of \d+ output features( \(a core)?", d.hint) for d in findings
    }
    assume(changed and all(changed.values()))
    advised = tuple(
        narrowed(layer, int(told[1])) if (told := changed.get(f"$.nodes.{layer.name}")) else layer for layer in drawn
    )
    assert {bool(told[2]) for told in changed.values()} == {not fits(advised, chip, "never")}


@PROPERTY
@given(drawn=layers(max_size=1), cores=CORES)
def test_a_layer_that_no_core_holds_is_told_how_many_features_one_would(drawn, cores):
    chip = chip_of(*cores)
    (layer,) = drawn
    assume(not candidates(memory_of_layer(layer), chip))
    findings = planned(drawn, chip, "never")[1]
    assert findings
    fitting = [n for n in range(1, layer.neuron_shape[0]) if candidates(memory_of_layer(narrowed(layer, n)), chip)]
    for finding in findings:
        advice = re.search(r"at most (\d+) instead of (\d+) output features", finding.hint)
        assert (advice is None) == (fitting == [])
        if advice:
            assert int(advice[1]) == max(fitting)
        if parts := re.match(r"split=\{'layer0': (\d+)\}", finding.hint):
            assert fits(drawn, chip, {"layer0": int(parts[1])})
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


def test_each_sort_of_advice_is_drawn():
    """All but splitting, which seldom is what lacks; the next test has a network for it."""
    sorts = {"kernel and padding", "output features", "no change to a single one"}
    seen: set[str] = set()

    @settings(PROPERTY, max_examples=100, derandomize=True, database=None, phases=[Phase.generate])
    @given(crowd=crowded())
    def look(crowd):
        seen.update(words for words in sorts if words in crowd[-1].hint)

    look()
    assert seen == sorts


def test_what_a_network_is_advised_is_good_for_the_network():
    """Four layers that each fill one of three cores, of 5x5 kernels."""

    def drawn(out=(16,) * 4, kernel=(5,) * 4, padding=(2,) * 4):
        nodes = {"in": source(2, 64, 64)}
        for i in range(4):
            channels = 2 if i == 0 else out[i - 1]
            layer = conv(out[i], channels, kernel[i], padding=padding[i])
            nodes |= {f"conv{i}": layer, f"if{i}": neurons()}
        return chain(**nodes, out=sink())

    (finding,) = (d for d in check(drawn(), split="never", **READING).diagnostics if d.severity == "error")
    assert (finding.code, finding.value) == ("ND304", 4)
    split, features = finding.hint.split(", or ")
    name, parts = re.fullmatch(r"split=\{'(\w+)': (\d+)\} \(--split \1=\2\)", split).groups()
    assert check(drawn(), split={name: int(parts)}, **READING).fits
    i, most = map(int, re.fullmatch(r"conv(\d) with at most (\d+) instead of 16 output features", features).groups())
    for number, good in ((most, True), (most + 1, False)):
        out = tuple(number if k == i else 16 for k in range(4))
        assert check(drawn(out=out), split="never", **READING).fits == good


def test_too_many_layers_are_one_finding_and_not_two():
    chip = chip_of((1024, 1024, 16))
    many = (build_layer("a"), build_layer("b"))
    assert planned(many, chip, "auto") == (None, ())
    assert [d.code for d in rule_findings(many, chip)] == ["ND305"]


def test_earlier_layers_get_lower_cores_of_a_speck():
    speck = load_chip("speck2f")
    deep = build_layer("deep", weights=np.ones((64, 64, 3, 3)), input_shape=(64, 8, 8), padding=(1, 1))
    assert placed((build_layer("a"), deep, build_layer("b")), speck) == (0, 5, 1)


# --- wishes -----------------------------------------------------------------------------------------------------------


def three():
    nodes = {"in": source(1, 8, 8)}
    for i in range(3):
        nodes |= {f"conv{i}": conv(4, 1 if i == 0 else 4), f"if{i}": neurons()}
    return chain(**nodes, out=sink())


READING = {"convention": "torch", "reset": "subtract"}


def test_pinned_layers_lie_where_they_are_pinned_and_avoided_cores_stay_free():
    spec = nir_to_dynapcnn(three(), placement={"conv1": 8, "if2": (3, 4)}, avoid=(0, 1), **READING)
    assert [[core.core for core in cores] for cores in spec.layers] == [[2], [8], [3, 4]]
    assert [core.first_channel for core in spec.find_cores("conv2")] == [0, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"placement": {"conv9": 1}},
        {"placement": {"conv0": 9}},
        {"placement": {"conv0": -1}},
        {"placement": {"conv0": True}},
        {"placement": {"conv0": ()}},
        {"placement": {"conv0": 1, "conv1": 1}},
        {"placement": {"conv0": (1, 1)}},
        {"placement": {"conv0": 1}, "avoid": (1,)},
        {"placement": {"conv0": (1, 2)}, "split": "never"},
        {"avoid": (9,)},
        {"avoid": 3},
        {"placement": [0, 1]},
        {"split": "maybe"},
        {"split": 2},
        {"split": {"conv9": 2}},
        {"split": {"conv0": 5}},
        {"split": {"conv0": 0}},
    ],
)
def test_wishes_that_cannot_be_meant(options):
    report = check(three(), **options, **READING)
    assert (report.fits, [d.code for d in report.diagnostics if d.severity == "error"]) == (False, ["ND126"])


def test_pins_that_do_not_fit_are_told():
    with pytest.raises(CompileError, match="other cores in placement or avoid"):
        nir_to_dynapcnn(nine_cores(), placement={"conv0": 8}, convention="torch", reset="subtract")


@settings(PROPERTY, max_examples=200)
@given(drawn=layers(max_size=4), cores=CORES, split=SPLITS, data=st.data())
def test_wishes_that_leave_too_little_room_are_named_as_the_reason(drawn, cores, split, data):
    chip = chip_of(*cores)
    assume(len(drawn) <= len(cores) and fits(drawn, chip, split))
    avoid = data.draw(st.sets(st.integers(0, len(cores) - 1)))
    left = [core for core in range(len(cores)) if core not in avoid]
    pinned = left and split == "never" and data.draw(st.booleans())  # a pin to one core keeps a layer whole
    pins = {"layer0": data.draw(st.sampled_from(left))} if pinned else ANYWHERE
    asked, unclear = wishes_of(drawn, chip, split, pins, avoid)
    assert unclear == ()
    plan, findings = plan_or_findings(drawn, chip, asked)
    if plan is not None:
        assert all(core in left for core in place(cut_for(drawn, plan, chip), chip, asked))
        return
    (finding,) = findings
    assert finding.code == "ND304"
    assert finding.hint == "other cores in placement or avoid: on free choice all of it fits"
    stuck = [i for i, layer in enumerate(drawn) if f"{layer.name} (" in finding.found]
    assert len(stuck) == finding.value
    for gone in stuck:  # without any one of them the others would fit, where they are wanted
        rest = tuple(layer for i, layer in enumerate(drawn) if i in stuck and i != gone)
        wanted = {name: core for name, core in pins.items() if name in {layer.name for layer in rest}}
        assert not rest or arrange(rest, chip, wishes_of(rest, chip, split, wanted, avoid)[0]) is not None


# --- load -------------------------------------------------------------------------------------------------------------


def test_the_busiest_layers_lie_on_the_parallel_cores():
    raster = np.random.default_rng(0).poisson(0.5, (10, 1, 1, 8, 8))
    spec = nir_to_dynapcnn(three(), placement={"conv0": 5, "conv1": 6, "conv2": 7}, **READING)
    activity = simulate(spec, raster)
    loads = [activity[f"conv{i}"].stats.synaptic_operations for i in range(3)]
    busiest = sorted(range(3), key=lambda i: -loads[i])
    loaded = nir_to_dynapcnn(three(), activity=activity, **READING)
    where = [loaded.find_core(f"conv{i}").core for i in range(3)]
    assert {where[busiest[0]], where[busiest[1]]} == {0, 1}
    assert where[busiest[2]] == 2


@settings(PROPERTY, max_examples=60)
@given(drawn=layers(max_size=4), cores=CORES, data=st.data())
def test_no_assignment_has_a_lower_peak_whatever_the_parallel_cores_are_faster_by(drawn, cores, data):
    chip = chip_of(*cores)
    chip = dataclasses.replace(chip, parallel=tuple(data.draw(st.sets(st.integers(0, len(cores) - 1)))))
    every = assignments(drawn, chip)
    assume(every)
    loads = data.draw(st.lists(st.integers(0, 9), min_size=len(drawn), max_size=len(drawn)))
    plan, _ = planned(drawn, chip, "never")
    integers, _ = discretize(drawn, bias_bits=8, spikes_per_step="many")
    found = place(cut(integers, plan, 2), chip, wishes(drawn, chip, "never"), loads)
    assert found in every

    def peak(where, factor):
        return max(n / (factor if core in chip.parallel else 1) for n, core in zip(loads, where, strict=True))

    for factor in (1, 1.5, 2, 100):
        assert peak(found, factor) == min(peak(where, factor) for where in every)


def test_the_load_of_parts_is_their_share_of_the_weights_and_that_of_relays_the_spikes_they_pass_on():
    """A layer of four channels in two parts, each with a relay behind it; the other layers are whole."""
    weight = np.ones((4, 2, 2, 2))
    weight[0] = 0
    weight[1, 0] = 0  # of 24 weights that are not zero, 4 are in the first part and 16 in the second
    nodes = {"in": source(), "first": conv(2), "if": neurons(), "mid": conv(weight=weight), "if_mid": neurons()}
    names = ("a", "b", "c")
    for name in names:
        nodes |= {name: conv(2, 4, 2), f"if_{name}": neurons(), f"out_{name}": sink()}
    branches = (f"if_mid -> {n} -> if_{n} -> out_{n}" for n in names)
    drawn = graph(nodes, "in -> first -> if -> mid -> if_mid", *branches)
    raster = np.random.default_rng(0).poisson(0.5, (10, 2, 1, 8, 8))
    activity = simulate(nir_to_dynapcnn(drawn, "tests/chips/big.toml", **READING), raster)
    integers, _ = discretize(group(normalise(read(drawn, **READING))), bias_bits=8, spikes_per_step="many")
    plan = tuple(
        (Copy(links=tuple(range(len(n.links))), channels=(2, 2) if n.name == "mid" else n.neuron_shape[:1]),)
        for n in integers
    )
    pieces = cut(integers, plan, 2)
    loads = loads_of(pieces, activity)
    found = dict.fromkeys((piece.layer.name, piece.part) for piece in pieces.pieces)
    for piece, load in zip(pieces.pieces, loads, strict=True):
        found[piece.layer.name, piece.part] = load
    operations = {name: activity[name].stats.synaptic_operations for name in ("first", "mid", *names)}
    counts = activity["mid"].counts
    expected = {(name, 0): operations[name] for name in ("first", *names)}
    expected |= {("mid", 0): operations["mid"] * 4 / 20, ("mid", 1): operations["mid"] * 16 / 20}
    expected |= {("mid (relay)", p): counts[:, 2 * p : 2 * p + 2].sum() for p in (0, 1)}
    assert found == expected
    assert min(found.values()) > 10
    assert found["mid (relay)", 0] != found["mid (relay)", 1]
    assert all(type(load) is float for load in loads)


def test_a_run_of_another_network_is_refused():
    nodes = {"in": source(1, 8, 8), "other": conv(4, 1), "if": neurons()}
    other = nir_to_dynapcnn(chain(**nodes, out=sink()), **READING)
    activity = simulate(other, np.ones((1, 1, 1, 8, 8), dtype=int))
    named = "a run of this network: in that one no core holds a node 'conv0'; nodes on cores: other, if"
    for wrong, value, limit in (
        (activity, "a run of another network", named),
        ({"conv0": 100}, "a dict", "a Result, as nirdynap.simulate returns it"),
    ):
        with pytest.raises(CompileError) as caught:
            nir_to_dynapcnn(three(), activity=wrong, **READING)
        (found,) = caught.value.diagnostics
        assert (found.code, found.place, found.value, found.limit) == ("ND126", "$.activity", value, limit)
        assert found.found == f"activity = {value!r} is not possible"


# --- permuting cores --------------------------------------------------------------------------------------------------


@settings(PROPERTY, max_examples=25)
@given(drawn=networks(max_layers=4), data=st.data())
def test_permuting_cores_changes_no_output(drawn, data):
    spec = nir_to_dynapcnn(drawn, convention="torch")
    used = {core.name: core.core for core in spec.cores if core.origin}
    order = data.draw(st.permutations(range(9)))
    pins = {name: order[i] for i, name in enumerate(used)}
    assume(all(pins[c.name] in candidates(c.memory, load_chip("speck2f")) for c in spec.cores if c.origin))
    moved = nir_to_dynapcnn(drawn, placement=pins, convention="torch")
    raster = np.random.default_rng(0).poisson(0.5, (3, 1, *spec.input_shape))
    for semantics in ("clocked", "event"):
        for options in (
            [{}] if semantics == "clocked" else [{"order": o, "bias_clock_us": 700} for o in ("depth", "breadth")]
        ):
            one, two = (simulate(s, raster, semantics, **options) for s in (spec, moved))
            for name, events in one.output_events.items():
                assert two.output_events[name] == events
            for cores in spec.layers:
                np.testing.assert_array_equal(one[cores[0].name].membrane, two[cores[0].name].membrane)


def test_relays_are_counted_where_there_is_no_room():
    """Five small layers are told on five cores, of which one feeds the four others: what is missing are its copies."""
    names = ("a", "b", "c", "d", "e")
    nodes = {"in": source(), "first": conv(2), "if": neurons()}
    for name in names:
        nodes |= {name: conv(2, 2), f"if_{name}": neurons(), f"out_{name}": sink()}
    drawn = graph(nodes, "in -> first -> if", *(f"if -> {n} -> if_{n} -> out_{n}" for n in names))
    (finding,) = (d for d in check(drawn, avoid=(0, 1, 5, 6), **READING).diagnostics if d.severity == "error")
    assert finding.code == "ND304"
    assert finding.value == finding.limit == 5
    assert "a relay or copy of first, which feeds 4" in finding.found


def test_a_core_that_is_not_free():
    drawn = chain(input=source(), a=conv(2), if1=neurons(), b=conv(2, 2), if2=neurons(), out=sink())
    for options in ({"placement": {"a": 1, "b": 1}}, {"placement": {"a": 1}, "avoid": [1]}):
        (finding,) = (d for d in check(drawn, **options, **READING).diagnostics if d.code == "ND126")
        assert finding.value == 1
        assert "1 is taken by another layer or avoided" in finding.hint
