"""A spec in the vendor's words: every number at its place, axes swapped once, and what cannot be said refused."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from tests.test_golden_sinabs import FAITHFUL, converted, load_case

import nirdynap
from nirdynap.chips.chip import load_chip
from nirdynap.errors import CompileError, InputError
from nirdynap.export.samna_config import configuration, to_samna
from nirdynap.export.samna_reading import from_samna
from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.digest import digest
from nirdynap.ir.spec import Destination, InputPort, OutputPort, Spec
from nirdynap.shipped import shipped
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.samna_stand_in import samna_stand_in
from nirdynap.testing.strategies import specs


def lenient() -> Any:
    """A stand-in that takes maps of different sizes as well, which specs may have and the vendor may refuse."""
    samna = samna_stand_in()
    samna.speck2f.validate_configuration = lambda config: (True, "")
    return samna


def decimated(spec: Spec) -> Spec:
    """`spec` with the last of the chip's decimators, too."""
    return replace(spec, cores=tuple(replace(c, decimator={8: 512}.get(c.decimator, c.decimator)) for c in spec.cores))


def chain(**changes: Any) -> Spec:
    first = build_core(0, np.ones((2, 1, 3, 3)), (1, 8, 8), destinations=[Destination(core=3, pooling=2)], **changes)
    return build_spec(first, build_core(3, np.ones((2, 2, 3, 3)), (2, 3, 3)))


def codes(error: pytest.ExceptionInfo[CompileError]) -> list[str]:
    return [d.code for d in error.value.diagnostics if d.severity == "error"]


@settings(deadline=None, max_examples=100)
@given(specs(decimators=True))
def test_what_is_written_is_read_back(spec: Spec) -> None:
    spec = decimated(spec)
    config = to_samna(spec, lenient(), monitor="all", slow_clock_hz=1000)
    found = {core.core: core for core in from_samna(config).cores}
    for core in spec.cores:
        state = core.initial_state if core.initial_state is not None and core.initial_state.any() else None
        bias = core.bias if core.bias is not None and core.bias.any() else None
        expected = replace(core, initial_state=state, bias=bias)
        assert digest(found[core.core].substance()) == digest(expected.substance())
        assert found[core.core].capacity == core.capacity


@settings(deadline=None, max_examples=30)
@given(specs())
def test_plain_data_is_what_the_classes_hold(spec: Spec) -> None:
    tree = json.loads(configuration(spec, monitor="all", slow_clock_hz=1000).to_json())
    config = to_samna(spec, lenient(), monitor="all", slow_clock_hz=1000)
    assert (tree["schema"], tree["chip"], tree["slow_clock_hz"]) == ("samna-configuration-v1", "speck2f", 1000)
    for index, layer in tree["cnn_layers"].items():
        assert_same(config.cnn_layers[int(index)], layer)


def assert_same(held: Any, plain: Any) -> None:
    if isinstance(plain, dict):
        for name, part in plain.items():
            assert_same(getattr(held, name), part)
    elif isinstance(plain, list) and plain and isinstance(plain[0], dict):
        for one, part in zip(held, plain, strict=True):
            assert_same(one, part)
    else:
        assert held == plain


def test_columns_come_before_rows() -> None:
    """A kernel, strides, paddings, maps and states that look different from each side."""
    weights = np.arange(18).reshape(2, 1, 3, 3)
    state = np.arange(2 * 2 * 10).reshape(2, 2, 10)
    core = build_core(0, weights, (1, 6, 8), stride=(2, 1), padding=(0, 2), initial_state=state, threshold_high=99)
    layer = configuration(build_spec(core)).cnn_layers[0]
    d = layer.dimensions
    assert (d.input_shape.size.x, d.input_shape.size.y, d.input_shape.feature_count) == (8, 6, 1)
    assert (d.output_shape.size.x, d.output_shape.size.y, d.output_shape.feature_count) == (10, 2, 2)
    assert (d.stride.x, d.stride.y, d.padding.x, d.padding.y) == (1, 2, 2, 0)
    for o in range(2):
        for x in range(3):
            for y in range(3):
                assert layer.weights[o][0][x][y] == weights[o, 0, y, x]
    assert layer.neurons_initial_value.shape == (2, 10, 2)
    assert layer.neurons_initial_value[1][7][1] == state[1, 1, 7]


@pytest.mark.parametrize("case", FAITHFUL, indirect=True)
def test_sinabs_writes_the_same(case: Any) -> None:
    spec = converted(case)
    tree = configuration(spec, slow_clock_hz=1000)
    for layer in case.layers:
        name = layer["conv_node"]
        ours, theirs = tree.cnn_layers[spec.find_core(name).core], layer["config"]
        np.testing.assert_array_equal(ours.weights, case.array(layer, "cfg_weights"))
        np.testing.assert_array_equal(ours.biases, case.array(layer, "cfg_biases"))
        plain = json.loads(tree.to_json())["cnn_layers"][str(spec.find_core(name).core)]
        for key in ("dimensions", "return_to_zero", "threshold_high", "threshold_low", "leak_enable"):
            assert plain[key] == theirs[key], key


@pytest.fixture
def case(request: pytest.FixtureRequest, shared_data: Any) -> Any:
    return load_case(shared_data / "sinabs_golden" / request.param)


@pytest.mark.parametrize(
    ("monitor", "watched"),
    [(None, [3]), ("all", [0, 3]), (["conv0"], [0]), ("if0", [0]), (["out3", "if0"], [0, 3]), ([], [])],
)
def test_monitors_are_named_as_in_the_graph(monitor: Any, watched: list[int]) -> None:
    layers = configuration(chain(), monitor=monitor).cnn_layers
    assert [i for i, layer in layers.items() if layer.monitor_enable] == watched


def test_decimators_are_intervals() -> None:
    decimations = load_chip("speck2f").decimations
    assert len(decimations) == 8
    for interval, every in enumerate(decimations):
        layer = configuration(chain(decimator=every)).cnn_layers[0]
        assert (layer.output_decimator_enable, layer.output_decimator_interval) == (True, interval)
    assert not configuration(chain()).cnn_layers[0].output_decimator_enable


def test_both_slots_are_always_said() -> None:
    layers = configuration(chain()).cnn_layers
    assert [(d.enable, d.layer, d.pooling) for d in layers[0].destinations] == [(True, 3, 2), (False, 0, 1)]
    assert [d.enable for d in layers[3].destinations] == [False, False]


@pytest.mark.parametrize(
    ("spec", "options", "code"),
    [
        (chain(), {"monitor": ["conv0", "conv9"]}, "ND640"),
        (chain(decimator=64), {}, "ND330"),
        (chain(bias=[0, 1]), {}, "ND642"),
        (replace(chain(), chip="imaginary"), {}, "ND643"),
        (chain(), {"slow_clock_hz": 9}, "ND332"),
        (chain(threshold_low=0), {}, "ND625"),
    ],
)
def test_what_cannot_be_said(spec: Spec, options: dict[str, Any], code: str) -> None:
    with pytest.raises(CompileError) as caught:
        configuration(spec, **options)
    assert codes(caught) == [code]
    with pytest.raises(CompileError) as caught:
        to_samna(spec, samna_stand_in(), **options)
    assert codes(caught) == [code]


@pytest.mark.parametrize("monitor", [3, [0], ["conv0", 3], True, b"conv0"])
def test_monitors_are_names(monitor: Any) -> None:
    with pytest.raises(
        InputError, match=r"^ND513 .*\$\.monitor: .* the name of a node is due; try one of 'conv0', .*all"
    ):
        configuration(chain(), monitor=monitor)


@pytest.mark.parametrize("monitor", ["all", ["all"], ("conv0", "all")])
def test_all_is_every_core_also_among_others(monitor: Any) -> None:
    assert all(layer.monitor_enable for layer in configuration(chain(), monitor=monitor).cnn_layers.values())


@pytest.mark.parametrize("clock", ["1000", 1000.0, True])
def test_a_clock_is_a_whole_number(clock: Any) -> None:
    with pytest.raises(CompileError, match=r"^ND332 .*whole number"):
        configuration(chain(), slow_clock_hz=clock)


@pytest.mark.parametrize("samna", [None, "samna", 3])
def test_what_is_no_samna(samna: Any) -> None:
    with pytest.raises(InputError, match=r"^ND513 .*\$\.samna: .* part speck2f, is due; try .*samna_stand_in"):
        to_samna(chain(), samna)


@pytest.mark.parametrize("config", [None, "model.json", {}, chain(), configuration(chain())])
def test_what_is_no_configuration_object(config: Any) -> None:
    with pytest.raises(InputError, match=r"^ND513 .*\$\.config: .* a configuration object of samna is due"):
        from_samna(config)


def test_a_configuration_object_of_another_make() -> None:
    config = SimpleNamespace(cnn_layers=[SimpleNamespace(weights=[[[[1]]]])])
    with pytest.raises(CompileError, match=r"^ND644 .*\$\.config: AttributeError"):
        from_samna(config)


def test_biases_that_are_all_zero_need_no_clock() -> None:
    assert not configuration(chain(bias=[0, 0])).cnn_layers[0].leak_enable


def test_a_hook_changes_the_configuration() -> None:
    def balanced(config: Any) -> Any:
        config.cnn_layers[0].input_congestion_balancer_enable = True
        return config

    assert to_samna(chain(), samna_stand_in(), modify=balanced).cnn_layers[0].input_congestion_balancer_enable
    with pytest.raises(CompileError, match=r"ND126 .*modify"):
        to_samna(chain(), samna_stand_in(), modify=lambda config: None)
    with pytest.raises(CompileError, match=r"ND126 .*modify = '3'"):
        to_samna(chain(), samna_stand_in(), modify=3)  # type: ignore[arg-type]


def test_samnas_own_message_is_passed_on() -> None:
    def broken(config: Any) -> Any:
        config.cnn_layers[3].threshold_high = 0
        return config

    with pytest.raises(CompileError, match=r"ND645 .*threshold_high is 0, allowed is 1 to 32767"):
        to_samna(chain(), samna_stand_in(), modify=broken)
    samna = samna_stand_in()
    samna.speck2f.validate_configuration = lambda config: (False, "")
    with pytest.raises(CompileError, match=r"ND645 .*without a message"):
        to_samna(chain(), samna)


def test_another_release_of_samna() -> None:
    samna = samna_stand_in()
    del samna.speck2f.configuration
    with pytest.raises(CompileError, match=r"ND644 .*has no attribute 'configuration'"):
        to_samna(chain(), samna)


def test_a_binding_that_loses_what_is_set_is_found_out() -> None:
    samna = samna_stand_in()
    strict = samna.speck2f.configuration.SpeckConfiguration

    class HandsOutCopies(strict):
        @property
        def cnn_layers(self) -> Any:
            return strict().cnn_layers

        def __init__(self) -> None:
            pass

    samna.speck2f.configuration.SpeckConfiguration = HandsOutCopies
    with pytest.raises(CompileError, match=r"ND644 .*cnn_layers\[0\]"):
        to_samna(chain(), samna)


def test_a_configuration_of_somebody_else_becomes_a_spec() -> None:
    """Branches, a shift and a loop, set by hand as a user of samna does."""
    config = samna_stand_in().speck2f.configuration.SpeckConfiguration()
    for index, features in ((5, 1), (2, 1), (7, 2)):
        layer = config.cnn_layers[index]
        layer.dimensions = {"input_shape": {"feature_count": features}}
        layer.weights = [[[[1]]] * features]
        layer.biases, layer.neurons_initial_value = [0], [[[0]]]
        layer.threshold_high = 1
    for slot, (index, shift) in zip(config.cnn_layers[5].destinations, ((7, 1), (2, 0)), strict=True):
        slot.enable, slot.layer, slot.feature_shift = True, index, shift
    slots = config.cnn_layers[2].destinations
    slots[1].enable, slots[1].layer = True, 7
    slots[0].enable, slots[0].layer = True, 12  # the readout block, of which a spec does not know
    config.cnn_layers[7].monitor_enable = True
    spec = from_samna(config)
    assert [core.core for core in spec.cores] == [5, 2, 7]
    assert (spec.inputs, spec.outputs) == ((InputPort(5, 0),), (OutputPort(7, 1, "core7"),))
    assert spec.cores[1].destinations == (Destination(core=7, pooling=1, feature_shift=0),)
    assert nirdynap.validate(spec) == ()
    assert nirdynap.simulate(spec, [[[[1]]]], "event").raster.sum() == 2
    slots[0].layer = 5
    assert {d.code for d in nirdynap.validate(from_samna(config))} == {"ND622"}


def test_the_shipped_network_on_both_chips() -> None:
    for chip in ("speck2e", "speck2f"):
        spec = nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"), chip)
        assert to_samna(spec, samna_stand_in()).cnn_layers[0].threshold_high == spec.cores[0].threshold_high
    assert configuration(spec) == configuration(spec)


def two_unfed(**options: Any) -> Any:
    """A chain of two cores whose connection is switched off."""
    spec = chain()
    config = to_samna(spec, samna_stand_in(), **options)
    config.cnn_layers[spec.cores[0].core].destinations[0].enable = False
    return spec, config


def test_inputs_that_a_configuration_does_not_say() -> None:
    spec, config = two_unfed()
    first, last = (core.core for core in spec.cores)
    assumed = from_samna(config)
    assert {port.core for port in assumed.inputs} == {first, last}
    assert [(note.code, note.severity) for note in assumed.notes] == [("ND661", "warning")]
    assert all(str(core) in assumed.notes[0].found for core in (first, last))
    told = from_samna(config, inputs=[first])
    assert (told.inputs, told.notes) == ((InputPort(first, 0),), ())
    assert from_samna(to_samna(spec, samna_stand_in())).notes == ()


@pytest.mark.parametrize("inputs", [[], [8], 3, ["conv0"], "0", [True]])
def test_inputs_that_are_no_cores_in_use(inputs: Any) -> None:
    with pytest.raises(CompileError, match=r"^ND126 .*cores in use"):
        from_samna(two_unfed()[1], inputs=inputs)


@pytest.mark.parametrize("clock", [ExternalClock(hz=1000), InternalClock(divider=14)])
def test_one_slow_clock(clock: Any) -> None:
    spec = replace(chain(), slow_clock=clock)
    for call in (configuration, lambda spec, **options: to_samna(spec, samna_stand_in(), **options)):
        with pytest.raises(CompileError, match=r"slow_clock_hz = '500' is not possible") as caught:
            call(spec, slow_clock_hz=500)
        assert str(clock) in str(caught.value)
