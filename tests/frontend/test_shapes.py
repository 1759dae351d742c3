import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from hypothesis import given

from by_hand import chain, conv, flatten, graph, neurons, scale, sink, source, sum_pool
from nirdynap.errors import CompileError
from nirdynap.frontend import read


def simple(entry=None, **fields):
    return chain(**{"in": entry or source(), "conv": conv(**fields), "if": neurons(), "out": sink()})


def findings(drawn, **options):
    with pytest.raises(CompileError) as caught:
        read(drawn, "torch", **options)
    return [(d.code, d.place) for d in caught.value.diagnostics]


@pytest.mark.parametrize("shape", [(2, 34, 34), (1, 2, 34, 34), (40, 2, 34, 34), (7, 1, 2, 34, 34)])
def test_batch_and_time_axes_in_front_are_left_out(shape):
    network = read(simple(source(*shape), channels=2), "torch")
    assert network.input.input_shape == (2, 34, 34)


@pytest.mark.parametrize("shape", [(784,), (1, 784), (40, 784), (40, 1, 784)])
def test_so_are_they_in_front_of_dense_layers(shape):
    dense = nir.Linear(np.ones((3, 784)))
    network = read(chain(**{"in": source(*shape), "fc": dense, "if": neurons(), "out": sink()}), "torch")
    assert network.input.input_shape == (784, 1, 1)


@pytest.mark.parametrize("shape", [(1, 2, 6, 6), (1, 1, 2, 6, 6), (2, 6, 6)])
def test_and_at_the_output(shape):
    nodes = {"in": source(1, 1, 8, 8), "conv": conv(), "if": neurons(), "out": nir.Output({"output": np.array(shape)})}
    assert read(chain(**nodes), "torch").notes == ()
    dense = {"in": source(1, 3), "fc": nir.Linear(np.eye(3)), "if": neurons(np.ones((1, 3)))}
    assert read(chain(**dense, out=nir.Output({"output": np.array([1, 1, 3])})), "torch").notes == ()


def test_and_in_what_a_convolution_declares():
    first = conv(channels=2)
    first.input_shape = (40, 2, 9, 8)
    silent = nir.Input({"input": None})
    assert read(simple(silent, channels=2), "torch", input_shape=(2, 9, 8)).input.input_shape == (2, 9, 8)
    drawn = chain(**{"in": silent, "conv": first, "if": neurons(), "out": sink()})
    assert read(drawn, "torch").input.input_shape == (2, 9, 8)


def test_a_convolution_that_declares_its_input_speaks_for_an_input_that_does_not():
    silent = nir.Input({"input": None})
    assert read(simple(silent, input_shape=(8, 9)), "torch").input.input_shape == (1, 8, 9)
    assert findings(simple(silent)) == [("ND117", "$.nodes.in")]
    assert read(simple(silent), "torch", input_shape=(1, 8, 9)).input.input_shape == (1, 8, 9)


def test_consumers_that_disagree_say_nothing_whatever_their_order():
    nodes = {"in": nir.Input({"input": None}), "a": conv(input_shape=(8, 8)), "b": conv(input_shape=(9, 9))}
    nodes |= {"if_a": neurons(), "if_b": neurons(), "o": sink(), "p": sink()}
    edges = ["in -> a -> if_a -> o", "in -> b -> if_b -> p"]
    assert findings(graph(nodes, *edges)) == findings(graph(nodes, *reversed(edges))) == [("ND117", "$.nodes.in")]


def test_the_callers_input_shape_is_taken_at_its_word():
    dense = nir.Linear(np.ones((3, 34)))
    drawn = chain(**{"in": source(5, 34), "fc": dense, "if": neurons(), "out": sink()})
    assert read(drawn, "torch").input.input_shape == (34, 1, 1)
    assert read(drawn, "torch", input_shape=(34,)).input.input_shape == (34, 1, 1)
    assert findings(drawn, input_shape=(2, 5, 34)) == [("ND116", "$.nodes.fc")]


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8, 8), (), (1, 8, 0), (1, 8.5, 8), "1x8x8", ((1, 2), 3)])
def test_an_input_shape_that_is_none(shape):
    assert findings(simple(), input_shape=shape) == [("ND126", "$.input_shape")]


def test_what_the_file_declares_otherwise_is_a_warning_and_our_shapes_hold():
    nodes = {
        "in": source(),
        "conv": conv(input_shape=(9, 9)),
        "if": neurons(),
        "flat": nir.Flatten({"input": np.array([72])}, 0),
    }
    network = read(chain(**nodes, out=nir.Output({"output": np.array([10])})), "torch")
    assert [(d.code, d.place, d.severity) for d in network.notes] == [
        ("ND122", f"$.nodes.{name}", "warning") for name in ("conv", "flat", "out")
    ]
    assert network.node("conv").output_shape == (2, 6, 6)
    assert network.node("out").input_shape == (72, 1, 1)


@pytest.mark.parametrize(
    ("node", "code"),
    [
        (conv(channels=2), "ND116"),
        (conv(channels=1, groups=2), "ND116"),
        (conv(kernel=9), "ND321"),
        (conv(kernel=3, dilation=4), "ND321"),
        (sum_pool(9), "ND321"),
        (nir.Linear(np.ones((3, 64))), "ND116"),
        (neurons([1.0, 1.0, 1.0]), "ND116"),
        (neurons(np.ones((1, 8, 7))), "ND116"),
        (scale(np.ones((8, 8))), "ND116"),
        (conv(padding=5000), "ND128"),
        (conv(weight=np.ones((64, 1, 2, 2)), dilation=5000, padding=3000), "ND128"),
    ],
)
def test_what_does_not_fit_the_map_in_front_of_it(node, code):
    assert (code, "$.nodes.node") in findings(chain(**{"in": source(), "node": node, "if": neurons(), "out": sink()}))


def test_an_input_too_large_to_look_at_is_refused_before_anything_is_made_of_it():
    assert findings(simple(source(1, 10**6, 10**6))) == [("ND128", "$.nodes.in")]


def test_sources_of_different_shapes_do_not_add_up():
    nodes = {
        "in": source(),
        "a": conv(),
        "if_a": neurons(),
        "b": conv(stride=2),
        "if_b": neurons(),
        "c": conv(channels=2),
    }
    edges = ("in -> a -> if_a -> c -> if_c -> out", "in -> b -> if_b -> c")
    drawn = graph({**nodes, "if_c": neurons(), "out": sink()}, *edges)
    assert findings(drawn) == [("ND116", "$.nodes.c")]
    with pytest.raises(CompileError, match=r"the sum is of if_a 2x6x6, if_b 2x3x3"):
        read(drawn, "torch")


def test_what_lies_behind_a_finding_is_no_second_one():
    nodes = {
        "in": source(),
        "a": conv(channels=3),
        "if": neurons(),
        "b": conv(channels=7),
        "if2": neurons(),
        "out": sink(),
    }
    assert findings(chain(**nodes)) == [("ND116", "$.nodes.a")]


@given(
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    rows=st.integers(1, 9),
)
def test_same_padding_keeps_the_map_or_is_refused_where_it_is_not_symmetric(kernel, dilation, rows):
    weight = np.ones((2, 1, *kernel))
    drawn = simple(source(1, rows, 7), weight=weight, dilation=dilation, padding="same")
    around = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    if any(n % 2 for n in around):
        assert findings(drawn) == [("ND106", "$.nodes.conv")]
        return
    explicit = simple(source(1, rows, 7), weight=weight, dilation=dilation, padding=tuple(n // 2 for n in around))
    assert read(drawn, "torch").node("conv").output_shape == (2, rows, 7)
    assert read(drawn, "torch").digest() == read(explicit, "torch").digest()


def test_shapes_of_every_node():
    nodes = {
        "in": source(3, 11, 9),
        "conv": conv(4, 3, stride=(2, 1), padding=(1, 0)),
        "if": neurons(),
        "pool": sum_pool(2),
    }
    nodes |= {"flat": flatten(), "fc": nir.Linear(np.ones((5, 36))), "if2": neurons(), "out": sink()}
    network = read(chain(**nodes), "torch")
    assert [n.output_shape for n in network.nodes] == [
        (3, 11, 9), (4, 6, 7), (4, 6, 7), (4, 3, 3), (36, 1, 1), (5, 1, 1), (5, 1, 1), (5, 1, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("groups", [np.nan, np.inf, "abc", 1.5, [1, 2]])
def test_groups_that_are_no_number_are_refused_where_the_shape_is_sought(groups):
    convolution = conv(channels=2)
    convolution.groups = groups
    bare = graph({"conv": convolution, "if": neurons()}, "conv -> if")
    with pytest.raises(CompileError):
        read(bare, "torch")


def test_an_input_that_is_cut_to_fit_is_told():
    flat = chain(**{"in": source(2, 3, 8), "fc": nir.Linear(np.ones((3, 8))), "if": neurons(), "out": sink()})
    assert [(d.code, d.place) for d in read(flat, "torch").notes] == [("ND122", "$.nodes.in")]
    batch = chain(**{"in": source(1, 8), "fc": nir.Linear(np.ones((3, 8))), "if": neurons(), "out": sink()})
    assert read(batch, "torch").notes == ()


@pytest.mark.parametrize("shape", [5, [[2]], "2,2", [2.5], [0, 1, 1], (1, 2)])
def test_input_shapes_that_are_none(shape):
    with pytest.raises(CompileError, match="ND126"):
        read(chain(**{"in": source(), "conv": conv(), "if": neurons(), "out": sink()}), "torch", input_shape=shape)
