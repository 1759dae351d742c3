import nir
import numpy as np
import pytest

from by_hand import chain, conv, flatten, graph, neurons, sink, source, sum_pool
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.frontend import read

NODES = {"in": source(), "conv": conv(input_shape=(8, 8)), "if": neurons(), "out": sink()}

FLAT = nir.Flatten({"input": np.array([2, 3, 4])}, 0)


def without(*names, **nodes):
    return {k: v for k, v in (NODES | nodes).items() if k not in names}


def findings(drawn, **options):
    with pytest.raises(CompileError) as caught:
        read(drawn, "torch", **options)
    return [(d.code, d.place) for d in caught.value.diagnostics]


def test_one_root_gets_an_input_and_one_leaf_an_output_with_a_warning_each():
    drawn = chain(**without("in", "out"))
    network = read(drawn, "torch")
    assert [(d.code, d.severity, d.place, d.limit) for d in network.notes] == [
        ("ND140", "warning", "$.nodes.conv", "1x8x8"),
        ("ND141", "warning", "$.nodes.if", None),
    ]
    assert "its weights and input_shape" in network.notes[0].found
    assert nir_to_dynapcnn(drawn).digest() == nir_to_dynapcnn(chain(**NODES)).digest()


def test_names_that_are_taken_are_not_taken_again():
    drawn = chain(output=conv(input_shape=(8, 8)), input=neurons())
    assert [n.name for n in read(drawn, "torch").nodes] == ["input'", "output", "input", "output'"]


@pytest.mark.parametrize(
    ("first", "shape", "source"),
    [
        ({"fc": nir.Linear(np.ones((3, 5)))}, (5, 1, 1), "its weights"),
        ({"flat": FLAT, "fc": nir.Linear(np.ones((3, 24)))}, (2, 3, 4), "its input_type"),
        ({"conv": conv(channels=2, input_shape=(9, 8))}, (2, 9, 8), "its weights and input_shape"),
    ],
)
def test_the_shape_comes_from_the_first_layer(first, shape, source):
    network = read(chain(**first, **{"if": neurons(), "out": sink()}), "torch")
    assert network.input.input_shape == shape
    assert source in network.notes[0].found


def test_or_from_the_caller():
    drawn = chain(**{"pool": sum_pool(2), "conv": conv(), "if": neurons(), "out": sink()})
    assert findings(drawn) == [("ND117", "$.nodes.pool")]
    network = read(drawn, "torch", input_shape=(1, 8, 8))
    assert network.input.input_shape == (1, 8, 8)
    assert "as told by input_shape=" in network.notes[0].found
    flat = chain(**{"flat": flatten(), "fc": nir.Linear(np.ones((3, 4))), "if": neurons(), "out": sink()})
    assert findings(flat) == [("ND117", "$.nodes.flat")]


@pytest.mark.parametrize(
    ("nodes", "edges", "expected"),
    [
        # two roots: the edge between the halves was lost, or the graph has two inputs
        (without("in", a=conv(), ifa=neurons()), ("conv -> if -> out", "a -> ifa -> out"), "ND110"),
        # a root beside the Input
        (without(a=conv()), ("in -> a", "conv -> if -> out"), "ND114"),
        # two leaves
        (without("out", b=conv(channels=2)), ("in -> conv -> if", "conv -> b"), "ND111"),
        # a leaf beside the Output
        (without(b=conv(channels=2)), ("in -> conv -> if -> out", "if -> b"), "ND114"),
        # no edge at all
        (without("in", "out"), (), "ND110"),
        (without(), (), "ND114"),
        # no root, no leaf
        (without("in", "out"), ("conv -> if -> conv",), "ND110"),
    ],
)
def test_a_lost_edge_is_not_repaired(nodes, edges, expected):
    codes = [code for code, _ in findings(graph(nodes, *edges))]
    assert expected in codes
    assert not {"ND140", "ND141"} & set(codes)
