import dataclasses

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from hypothesis import given

from by_hand import chain, flatten, neurons, scale, sink, source
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.frontend.conv1d import with_second_axis
from nirdynap.frontend.raw import raw_from_graph


def layer(out=3, channels=2, taps=3, **changed):
    weight = (np.arange(out * channels * taps) % 11 - 4.0).reshape(out, channels, taps) / 8
    fields = {"input_shape": None, "weight": weight, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    return nir.Conv1d(**(fields | {"bias": np.zeros(out)} | changed))


def network(first, *shape, **nodes):
    return chain(**{"in": source(*shape), "conv": first, "if": neurons(), **nodes, "out": sink()})


def findings(drawn, **options):
    with pytest.raises(CompileError) as caught:
        read(drawn, "torch", **options)
    return [(d.code, d.place) for d in caught.value.diagnostics if d.severity == "error"]


def test_refused_unless_asked_for():
    drawn = network(layer(), 2, 12)
    assert findings(drawn) == [("ND105", "$.nodes.conv")]
    with pytest.raises(CompileError, match='try conv1d="1xk"'):
        read(drawn, "torch")
    notes = read(drawn, "torch", conv1d="1xk").notes
    assert [(d.code, d.severity, d.place) for d in notes] == [("ND142", "note", "$.nodes.conv")]
    assert findings(drawn, conv1d="2d") == [("ND126", "$.conv1d")]


@given(
    taps=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.sampled_from([0, 1, 2, "valid", "same"]),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    batch=st.sampled_from([(), (1,), (7, 1)]),
    pairs=st.booleans(),
)
def test_it_is_the_conv2d_of_one_row(taps, stride, padding, dilation, groups, batch, pairs):
    stride = 1 if padding == "same" else stride
    taps = taps | 1 if padding == "same" else taps
    numbers = {"stride": stride, "padding": padding, "dilation": dilation}

    def row(name, first):  # of the Conv2d
        return numbers[name] if isinstance(numbers[name], str) else (first, numbers[name])

    # sinabs writes arrays of one number
    own = {k: np.array([v]) if pairs and not isinstance(v, str) else v for k, v in numbers.items()}
    one = layer(4, 2 // groups, taps, groups=groups, **own)
    kernel = one.weight[:, :, None]
    two = nir.Conv2d(None, kernel, row("stride", 1), row("padding", 0), row("dilation", 1), groups, one.bias)
    ours = read(network(one, *batch, 2, 13), "torch", conv1d="1xk")
    theirs = read(network(two, 2, 1, 13), "torch")
    assert dataclasses.replace(ours, notes=()).digest() == theirs.digest()


def test_parameters_of_every_form_get_the_axis_too():
    threshold = np.arange(1.0, 34.0).reshape(3, 11)
    for form in (threshold, threshold[None]):
        drawn = network(layer(padding=1), 2, 11, pool=scale(form))
        read_ = read(drawn, "torch", conv1d="1xk")
        np.testing.assert_array_equal(read_.node("pool").factor, threshold[:, None])
    flat = {"flat": flatten(), "fc": nir.Linear(np.ones((4, 30))), "last": neurons(np.ones((1, 4)))}
    assert read(network(layer(), 2, 12, **flat), "torch", conv1d="1xk").outputs[0].input_shape == (4, 1, 1)


def test_the_shape_of_the_input_where_the_file_does_not_say_it():
    silent = chain(**{"in": nir.Input({"input": None}), "conv": layer(), "if": neurons(), "out": sink()})
    assert findings(silent, conv1d="1xk") == [("ND117", "$.nodes.in")]
    assert read(silent, "torch", conv1d="1xk", input_shape=(2, 12)).input.input_shape == (2, 1, 12)
    assert findings(silent, input_shape=(2, 12)) == [("ND126", "$.input_shape")]
    rootless = chain(**{"conv": layer(input_shape=12), "if": neurons(), "out": sink()})
    assert read(rootless, "torch", conv1d="1xk").input.input_shape == (2, 1, 12)


@pytest.mark.parametrize(
    ("field", "value"),
    [("stride", np.array([1, 2])), ("dilation", 0), ("padding", -1), ("weight", np.ones(3)), ("weight", np.ones(()))],
)
def test_fields_that_are_wrong_are_refused_at_their_node(field, value):
    node = layer()
    setattr(node, field, value)
    assert ("ND106", "$.nodes.conv") in findings(network(node, 2, 12), conv1d="1xk")


def test_a_graph_without_any_is_left_as_it_is():
    raw = raw_from_graph(chain(**{"in": source(2, 12), "if": neurons(), "out": sink()}))
    assert with_second_axis(raw) == (raw, [])


def test_on_the_chip_it_takes_a_square_kernel():
    spec = nir_to_dynapcnn(network(layer(padding=1, stride=2), 2, 12), convention="torch", conv1d="1xk")
    assert spec.cores[0].weights.shape == (3, 2, 3, 3)
    assert spec.input_shape == (2, 1, 12)
