"""The readout block: room for the spread channels, and the same spikes as without it."""

import dataclasses
import json

import numpy as np
import pytest
from float_layers import build_layer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from by_hand import chain, conv, graph, neurons, sink, source
from nirdynap import (
    ExternalClock,
    ReadoutOptions,
    check,
    configuration,
    from_samna,
    load_chip,
    nir_to_dynapcnn,
    simulate,
    to_samna,
    validate,
)
from nirdynap.errors import CompileError, InputError
from nirdynap.ir.layers import Link, Readout
from nirdynap.lower.readout import block_findings, spread
from nirdynap.shipped import shipped
from nirdynap.testing import oracle
from nirdynap.testing.same import assert_same_result
from nirdynap.testing.samna_stand_in import samna_stand_in

READING = {"convention": "torch", "reset": "subtract", "spikes_per_step": "many"}
CLOCK = ExternalClock(hz=500)
SPECK = load_chip("speck2f")


def classifier(classes=4, features=2, side=8, seed=0, **last):
    """A convolution, then one that sees all of its map."""
    weight = np.random.default_rng(seed).integers(-3, 9, (classes, features, side - 2, side - 2)) / 16
    first, final = conv(features), conv(classes, features, weight=weight, **last)
    return chain(input=source(1, side, side), first=first, if1=neurons(), last=final, if2=neurons(), out=sink())


def recording(spec, seed=3, steps=40, batch=2):
    return np.random.default_rng(seed).poisson(0.6, (steps, batch, *spec.input_shape))


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    classes=st.integers(1, 15),
    features=st.integers(1, 3),
    seed=st.integers(0, 99),
    bias=st.booleans(),
    parts=st.sampled_from([None, 2]),
    semantics=st.sampled_from(["clocked", "event"]),
)
def test_no_spike_and_no_decision_changes(classes, features, seed, bias, parts, semantics):
    changed = {"bias": np.linspace(-1, 0.2, classes)} if bias else {}
    drawn = classifier(classes, features, seed=seed, **changed)
    split = "auto" if parts is None or classes == 1 else {"last": parts}
    plain, read = (
        nir_to_dynapcnn(drawn, **READING, slow_clock=CLOCK, split=split, readout=block) for block in (False, True)
    )
    raster = recording(plain, seed)
    one, other = (simulate(spec, raster, semantics) for spec in (plain, read))
    assert one.decision.tolist() == other.decision.tolist()
    np.testing.assert_array_equal(one.raster, other.raster)
    np.testing.assert_array_equal(one.output_counts["out"], other.output_counts["out"])
    assert one.events == other.events
    assert plain.digest() != read.digest()
    if semantics == "clocked":
        assert_same_result(other, oracle.clocked(read, raster))
        assert [r.counts.sum() for r in other.readout] == one.output_counts["out"].sum(axis=(1, 2, 3)).tolist()


def test_what_the_block_counts_is_what_the_output_fires():
    spec = nir_to_dynapcnn(classifier(), **READING, slow_clock=CLOCK, readout=ReadoutOptions(average=1))
    raster = recording(spec)
    for semantics in ("clocked", "event"):
        result = simulate(spec, raster, semantics)
        for sample, record in enumerate(result.readout):
            assert record.ticks.tolist() == [2000 * k for k in range(1, 21)]
            counts = result.raster[:, sample, :, 0, 0]
            if semantics == "clocked":  # two steps between two ticks
                np.testing.assert_array_equal(record.counts, counts.reshape(20, 2, 4).sum(axis=1))
            else:  # events at the time of a tick come before it: steps 0 to 2, then 3 and 4, ...
                assert record.counts[0].tolist() == counts[:3].sum(axis=0).tolist()
            assert record.counts.sum() > 20
            busiest = record.counts.max(axis=1)
            assert [record.counts[i, w - 1] if w else 0 for i, w in enumerate(record.winners)] == busiest.tolist()


def test_memory_has_room_for_the_features_between():
    plain, read = (
        nir_to_dynapcnn(classifier(15), **READING, slow_clock=CLOCK, readout=block) for block in (False, True)
    )
    need = [spec.find_core("last").memory for spec in (plain, read)]
    assert [m.kernel for m in need] == [2 * 64 * 16, 2 * 64 * 64]
    assert [m.neuron for m in need] == [15, 57]
    (note,) = [note for note in read.notes if note.code == "ND339"]
    assert "its 15 channels are every 4th of 57 features" in note.found


def test_an_output_that_is_too_large_when_spread_is_split():
    drawn = classifier(15, features=20)
    plain, read = (nir_to_dynapcnn(drawn, **READING, slow_clock=CLOCK, readout=block) for block in (False, True))
    assert [len(spec.find_cores("last")) for spec in (plain, read)] == [1, 2]
    raster = recording(plain, steps=10)
    assert simulate(plain, raster).decision.tolist() == simulate(read, raster).decision.tolist()
    shifts = [
        slot.feature_shift
        for layer in configuration(read).cnn_layers.values()
        for slot in layer.destinations
        if slot.enable and slot.layer == 12
    ]
    assert sorted(shifts) == [4 * core.first_channel for core in read.find_cores("last")]


@pytest.mark.parametrize(
    "options", [True, ReadoutOptions(average=1, threshold=9, value="compare", selected=2, always=True)]
)
@pytest.mark.parametrize("parts", [1, 2])
def test_to_samna_and_back(options, parts):
    drawn = classifier(bias=np.array([-1.0, 0.5, 0, 0.2]))
    spec = nir_to_dynapcnn(drawn, **READING, slow_clock=CLOCK, readout=options, split={"last": parts})
    config = to_samna(spec, samna_stand_in(), monitor="all")
    cores = spec.find_cores("last")
    for core in cores:
        layer = config.cnn_layers[core.core]
        features = (core.neuron_shape[0] - 1) * 4 + 1
        assert layer.dimensions.output_shape.feature_count == len(layer.weights) == len(layer.biases) == features
        np.testing.assert_array_equal(np.swapaxes(layer.weights, -1, -2)[::4], core.weights)
        assert not np.any([w for i, w in enumerate(layer.weights) if i % 4])
        slot = layer.destinations[0]
        assert (slot.enable, slot.layer, slot.pooling, slot.feature_shift) == (True, 12, 1, 4 * core.first_channel)
    tree = json.loads(configuration(spec).to_json())["readout"]
    assert {name: getattr(config.readout, name) for name in tree} == tree
    assert (tree["enable"], tree["readout_configuration_sel"], tree["internal_slow_clk"]) == (True, 3, False)
    back = from_samna(config)
    assert validate(back) == ()
    expected = dataclasses.replace(spec.readout, output=f"core{cores[0].core}")
    assert back.readout == expected
    assert {core.core: core.digest() for core in back.cores}.keys() == {core.core for core in spec.cores}
    for core in spec.cores:
        assert back.core(core.core).substance() is not None
        assert back.core(core.core).spacing == core.spacing
        np.testing.assert_array_equal(back.core(core.core).weights, core.weights)
        assert back.core(core.core).memory == core.memory
    assert {(p.core, p.feature_shift) for p in spec.outputs} <= {(p.core, p.feature_shift) for p in back.outputs}


def test_features_between_that_are_not_silent_are_seen():
    spec = nir_to_dynapcnn(classifier(), **READING, slow_clock=CLOCK, readout=True)

    def loud(config):
        layer = config.cnn_layers[spec.find_core("last").core]
        weights = layer.weights
        weights[1][0][0][0] = 1
        layer.weights = weights
        return config

    with pytest.raises(CompileError, match=r"ND645 .*ND624 .*spacing is 1, expected 4"):
        to_samna(spec, samna_stand_in(), modify=loud)


def test_the_clock_of_the_chip_in_the_configuration():
    spec = nir_to_dynapcnn(classifier(), **READING, readout=True)
    with pytest.raises(CompileError, match="ND660"):
        configuration(spec)
    assert configuration(spec, slow_clock_hz=100).readout.internal_slow_clk is False


def test_a_run_without_what_it_needs():
    plain = nir_to_dynapcnn(classifier(), **READING, slow_clock=CLOCK)
    with pytest.raises(InputError, match="ND520"):
        _ = simulate(plain, recording(plain)).readout
    read = nir_to_dynapcnn(classifier(), **READING, readout=True)
    with pytest.raises(InputError, match="ND521"):
        _ = simulate(read, recording(read)).readout
    assert len(simulate(read, recording(read), "event", bias_clock_us=4000).readout[0].ticks) == 10


def test_one_of_several_outputs_is_chosen():
    nodes = {"in": source()}
    for name in "ab":
        nodes |= {name: conv(2, kernel=8), f"if_{name}": neurons(), f"out_{name}": sink()}
    drawn = graph(nodes, *(f"in -> {n} -> if_{n} -> out_{n}" for n in "ab"))
    assert [d.code for d in check(drawn, **READING, readout=True).diagnostics] == ["ND335"]
    spec = nir_to_dynapcnn(drawn, **READING, slow_clock=CLOCK, readout=ReadoutOptions(output="out_b"))
    assert [spec.find_core(name).spacing for name in "ab"] == [1, 4]
    result = simulate(spec, recording(spec))
    assert result.readout[0].counts.sum() == result.output_counts["out_b"][0].sum()


def test_a_finished_spec_is_asked_the_same():
    spec = nir_to_dynapcnn(classifier(), **READING, slow_clock=CLOCK, readout=True)
    replaced = dataclasses.replace
    assert validate(spec) == ()
    for changed, code in (
        (replaced(spec, readout=None), "ND624"),
        (replaced(spec, readout=replaced(spec.readout, output="nobody")), "ND335"),
        (replaced(spec, readout=replaced(spec.readout, average=2)), "ND126"),
        (replaced(spec, readout=replaced(spec.readout, threshold=65536)), "ND126"),
    ):
        assert code in {d.code for d in validate(changed)}
    assert "ND334" in {d.code for d in validate(spec, "speck2b")}


def test_what_a_finished_spec_is_told():
    """Each finding with its place and numbers, and in parts as of one layer."""
    for split in ("auto", {"last": 2}):
        spec = nir_to_dynapcnn(classifier(), **READING, slow_clock=CLOCK, readout=True, split=split)
        assert told(block_findings(dataclasses.replace(spec, readout=None), SPECK)) == []
        assert told(block_findings(spec, SPECK)) == []
        (block,) = block_findings(spec, load_chip("speck2b"))
        assert (block.place, block.limit) == ("$.readout", "speck2e, speck2f")
        assert block.found == "speck2b has no readout block"
        few = dataclasses.replace(SPECK, readout=dataclasses.replace(SPECK.readout, classes=3))
        assert told(block_findings(spec, few)) == [("ND336", "$.nodes.out", 4, 3)]
        nobody = dataclasses.replace(spec.readout, output="nobody", average=2)
        outputs = (*spec.outputs, spec.outputs[0]._replace(name="other"))
        assert told(block_findings(dataclasses.replace(spec, readout=nobody, outputs=outputs), SPECK)) == [
            ("ND126", "$.readout.average", 2, "one of 1, 16, 32 ticks"),
            ("ND335", "$.readout.output", "nobody", "out, other"),
        ]
        class5 = dataclasses.replace(spec.readout, selected=5)
        limit = "a class from 1 to 4, or 0 for none"
        expected = [("ND126", "$.readout.selected", 5, limit)]
        assert told(block_findings(dataclasses.replace(spec, readout=class5), SPECK)) == expected
        larger = tuple(
            dataclasses.replace(core, neuron_shape=(core.neuron_shape[0], 5, 4)) if core.name == "last" else core
            for core in spec.cores
        )
        assert told(block_findings(dataclasses.replace(spec, cores=larger), SPECK)) == [
            ("ND337", "$.nodes.out", "5x4", None)
        ]
        pooled = tuple(port._replace(pooling=2) for port in spec.outputs)
        assert told(block_findings(dataclasses.replace(spec, outputs=pooled), SPECK)) == [
            ("ND337", "$.nodes.out", "1x1 pooled by 2x2", None)
        ]
        fed = spec.cores[0].destinations[:1] * 2
        last = spec.cores[-1].core
        feeding = tuple(dataclasses.replace(c, destinations=fed) if c.core == last else c for c in spec.cores)
        assert told(block_findings(dataclasses.replace(spec, cores=feeding), SPECK)) == [
            ("ND338", "$.nodes.out", 2, None)
        ]


def told(findings):
    return [(d.code, d.place, d.value, d.limit) for d in findings]


def output_layer(channels, side=1, pooling=(1, 1), links=(), name="out"):
    """A layer that is read; `spread` looks at little more than that."""
    read = Readout(pooling=pooling, name=name)
    return build_layer(
        f"for_{name}", out=channels, kernel=1, input_shape=(1, side, side), readouts=(read,), links=links
    )


def test_what_is_spread_and_what_is_said_of_it():
    """Among three layers only the one that is read is changed, and the options name the output."""
    layers = (build_layer("a"), output_layer(15), output_layer(2, name="other"))
    plain = ReadoutOptions(average=1, output="out")
    after, options, findings = spread(layers, plain, SPECK)
    assert after == (layers[0], dataclasses.replace(layers[1], spacing=4), layers[2])
    assert options == plain
    assert told(findings) == [("ND339", "$.nodes.for_out", "57 features", 15)]
    after, options, findings = spread(layers[:2], True, SPECK)
    assert options == ReadoutOptions(output="out")
    assert [layer.spacing for layer in after] == [1, 4]
    dense = dataclasses.replace(SPECK, readout=dataclasses.replace(SPECK.readout, spacing=1))
    assert spread(layers[:2], True, dense) == (layers[:2], ReadoutOptions(output="out"), ())
    double = dataclasses.replace(SPECK, readout=dataclasses.replace(SPECK.readout, spacing=2))
    assert told(spread(layers, plain, double)[2]) == [("ND339", "$.nodes.for_out", "29 features", 15)]
    assert spread(layers, False, SPECK) == (layers, None, ())


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (output_layer(16), ("ND336", "$.nodes.out", 16, 15)),
        (output_layer(2, 2), ("ND337", "$.nodes.out", "2x2", None)),
        (output_layer(2, 3, (2, 2)), ("ND337", "$.nodes.out", "3x3 pooled by 2x2", None)),
        (output_layer(2, 2, (2, 2)), None),
        (output_layer(1), None),
        (output_layer(2, links=(Link(target=1, pooling=(1, 1), feature_shift=0),)), ("ND338", "$.nodes.out", 1, None)),
    ],
)
def test_outputs_that_the_block_cannot_count(layer, expected):
    """Then nothing is said of the room that they take."""
    _, _, findings = spread((layer, build_layer("b")), True, SPECK)
    features = f"{layer.neuron_shape[0] * 4 - 3} features"
    room = ("ND339", "$.nodes.for_out", features, layer.neuron_shape[0])
    assert told(findings) == [room if expected is None else expected]


@pytest.mark.parametrize("output", [None, "out_c"])
def test_which_output_is_meant(output):
    layers = (output_layer(2, name="out_a"), output_layer(2, name="out_b"))
    with pytest.raises(CompileError) as caught:
        spread(layers, ReadoutOptions(output=output), SPECK)
    assert told(caught.value.diagnostics) == [("ND335", "$.readout.output", output, "out_a, out_b")]


def test_a_chip_without_the_block():
    with pytest.raises(CompileError) as caught:
        spread((output_layer(2),), True, load_chip("speck2b"))
    assert told(caught.value.diagnostics) == [("ND334", "$.readout", None, "speck2e, speck2f")]


@pytest.mark.parametrize(
    ("readout", "path", "value", "limit"),
    [
        (None, "", None, "True, False or ReadoutOptions"),
        (ReadoutOptions(average=8), ".average", 8, "one of 1, 16, 32 ticks"),
        (ReadoutOptions(threshold=-1), ".threshold", -1, "a whole number from 0 to 65535"),
        (ReadoutOptions(threshold=65536), ".threshold", 65536, "a whole number from 0 to 65535"),
        (ReadoutOptions(threshold=1.0), ".threshold", 1.0, "a whole number from 0 to 65535"),
        (ReadoutOptions(value="mean"), ".value", "mean", "one of off, compare, selected, max"),
        (ReadoutOptions(selected=16), ".selected", 16, "a whole number from 0 to 15"),
        (ReadoutOptions(selected=True), ".selected", "True", "a whole number from 0 to 15"),
        (ReadoutOptions(selected=5), ".selected", 5, "a class from 1 to 4, or 0 for none"),
        (ReadoutOptions(always=1), ".always", 1, "True or False"),
    ],
)
def test_bad_options(readout, path, value, limit):
    (diagnostic,) = check(classifier(), **READING, readout=readout).diagnostics
    assert (diagnostic.code, diagnostic.place) == ("ND126", f"$.readout{path}")
    assert diagnostic.found == f"readout{path} = {value!r} is not possible"
    assert (diagnostic.value, diagnostic.limit) == (value, limit)


def test_all_options_that_are_bad_come_at_once():
    bad = ReadoutOptions(average=0, threshold=-1, value="", selected=-1, always=None)
    found = check(classifier(), **READING, readout=bad).diagnostics
    words = ("average", "value", "threshold", "selected", "always")
    assert [d.place for d in found] == [f"$.readout.{word}" for word in words]


@pytest.mark.parametrize(
    "options",
    [
        ReadoutOptions(average=32, threshold=65535, value="off", selected=0, always=True),
        ReadoutOptions(average=16, threshold=0, value="selected", selected=15),
        ReadoutOptions(average=1, threshold=1, value="compare", selected=1),
    ],
)
def test_options_to_the_limits(options):
    assert check(classifier(15), **READING, slow_clock=CLOCK, readout=options).fits


def test_the_shipped_network():
    spec = nir_to_dynapcnn(shipped("digits", "digits.nir"), slow_clock=CLOCK, readout=True)
    assert load_chip(spec.chip).readout.classes == 15
    assert spec.readout.output == spec.output_names[0]


def test_a_class_that_the_output_does_not_have() -> None:
    for classes, codes in ((10, []), (11, ["ND126"])):
        report = check(shipped("digits", "digits.nir"), readout=ReadoutOptions(value="selected", selected=classes))
        assert [d.code for d in report.diagnostics if d.severity == "error"] == codes
