"""The stand-in takes what is documented and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from nirdynap.export.samna_config import to_samna
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.samna_stand_in import samna_stand_in

SAMNA = samna_stand_in()


def fresh() -> Any:
    return SAMNA.speck2f.configuration.SpeckConfiguration()


def put(config: Any, path: str, value: Any) -> None:
    *way, name = path.split(".")
    for step in way:
        key, _, index = step.partition("[")
        config = getattr(config, key)
        config = config[int(index[:-1])] if index else config
    setattr(config, name, value)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("cnn_layers[8].dimensions.kernel_size", (1, 16)),
        ("cnn_layers[0].dimensions.stride.x", (1, 2, 4, 8)),
        ("cnn_layers[0].dimensions.padding.y", (0, 7)),
        ("cnn_layers[0].dimensions.input_shape.feature_count", (1, 1024)),
        ("cnn_layers[0].threshold_high", (0, 32767)),
        ("cnn_layers[0].threshold_low", (-32768, -1)),
        ("cnn_layers[0].output_decimator_interval", (0, 7)),
        ("cnn_layers[0].destinations[1].layer", (0, 8, 12)),
        ("cnn_layers[0].destinations[1].feature_shift", (0, 1023)),
        ("cnn_layers[0].destinations[1].pooling", (1, 2, 4)),
        ("cnn_layers[0].weights", ([[[[-128]]]], [[[[127]]]])),
        ("cnn_layers[0].biases", ([-32768], [32767])),
        ("cnn_layers[0].neurons_initial_value", ([[[-32768]]], [[[32767]]])),
        ("dvs_layer.destinations[0].layer", (0, 8)),
        ("dvs_layer.pooling.x", (1, 2, 4)),
        ("dvs_layer.cut.x", (0, 127)),
        ("dvs_layer.mirror_diagonal", (True,)),
        ("readout.output_mode_sel", (0, 3)),
        ("readout.output_neuron_num", (0, 15)),
        ("factory_config.internal_slow_clk_divider", (14, 17)),
    ],
)
def test_what_is_documented_is_taken(path: str, values: tuple[Any, ...]) -> None:
    for value in values:
        put(fresh(), path, value)


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ("cnn_layers[0].dimensions.kernel_size", 17, ValueError),
        ("cnn_layers[0].dimensions.kernel_size", 0, ValueError),
        ("cnn_layers[0].dimensions.kernel_size", 3.0, TypeError),
        ("cnn_layers[0].dimensions.stride.x", 3, ValueError),
        ("cnn_layers[0].dimensions.padding.x", 8, ValueError),
        ("cnn_layers[0].dimensions", {"kernel": 3}, AttributeError),
        ("cnn_layers[0].dimensions", 3, TypeError),
        ("cnn_layers[0].threshold_low", 0, ValueError),
        ("cnn_layers[0].threshold", 5, AttributeError),
        ("cnn_layers[0].monitor_enable", 1, TypeError),
        ("cnn_layers[0].weights", [[[[128]]]], ValueError),
        ("cnn_layers[0].weights", [[[[1.0]]]], TypeError),
        ("cnn_layers[0].weights", [[[1]]], TypeError),
        ("cnn_layers[0].weights", ((((1,),),),), TypeError),
        ("cnn_layers[0].destinations", [], TypeError),
        ("cnn_layers[0].destinations[0].layer", 9, ValueError),
        ("cnn_layers[0].destinations[0].pooling", 3, ValueError),
        ("dvs_layer.destinations[0].pooling", 1, AttributeError),
        ("dvs_layer.cut.x", 128, ValueError),
        ("layers", [], AttributeError),
    ],
)
def test_what_is_not_is_refused(path: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        put(fresh(), path, value)


def test_two_destinations_nine_cores_and_objects_of_their_own() -> None:
    config = fresh()
    assert (len(config.cnn_layers), len(config.cnn_layers[0].destinations)) == (9, 2)
    put(config, "cnn_layers[0].dimensions.stride.x", 2)
    assert config.cnn_layers[1].dimensions.stride.x == fresh().cnn_layers[0].dimensions.stride.x == 1
    stride = SAMNA.speck2f.configuration.Stride()
    stride.y = 4
    config.cnn_layers[0].dimensions.stride = stride
    assert config.cnn_layers[0].dimensions.stride.y == 4


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("cnn_layers[0].dimensions.kernel_size", 2, "kernels are (3, 3), kernel_size is 2"),
        ("cnn_layers[0].leak_internal_slow_clk_enable", True, "needs leak_enable"),
        ("dvs_filter.low_pass_mode_enable", True, "exclude each other"),
        ("cnn_layers[0].threshold_high", 0, "ND625"),
        ("cnn_layers[0].neurons_initial_value", [[[0]]], "ND624"),
        ("cnn_layers[0].dimensions.output_shape.size.x", 5, "ND624"),
        ("cnn_layers[0].destinations[0].enable", True, "ND622"),
    ],
)
def test_rules_between_attributes(path: str, value: Any, said: str) -> None:
    spec = build_spec(build_core(0, [[[[1] * 3] * 3]], (1, 8, 8)))
    config = to_samna(spec, SAMNA)
    assert SAMNA.speck2f.validate_configuration(config) == (True, "")
    put(config, path, value)
    valid, message = SAMNA.speck2f.validate_configuration(config)
    assert not valid
    assert said in message


def test_memory_is_checked() -> None:
    config = to_samna(build_spec(build_core(0, [[[[1] * 3] * 3]] * 32, (1, 34, 34))), SAMNA)
    roomy, small = config.cnn_layers[0], config.cnn_layers[8]
    for name in ("dimensions", "biases", "threshold_high", "weights", "neurons_initial_value"):
        setattr(small, name, getattr(roomy, name))
    valid, message = SAMNA.speck2f.validate_configuration(config)
    assert (valid, message.split("; ")[0]) == (
        False,
        "ND302 neuron memory, at $.nodes.core8: needs 32 Ki words, limit 16 Ki in core 8",
    )


def test_a_graph_that_is_not_started() -> None:
    with pytest.raises(RuntimeError):
        SAMNA.BasicSourceNode_speck2f_event_input_event().write([])
