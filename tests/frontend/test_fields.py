"""One field at a time: every form that exporters write, and every form that makes no sense."""

import numpy as np
import pytest

import nirdynap
from by_hand import simple
from nirdynap.frontend.fields import Fields, declared_shape, spread
from nirdynap.frontend.raw import RawNode


def fields(metadata=None, **values):
    return Fields(RawNode(name="n", type="IF", fields=values, metadata=metadata or {}))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8, bool])
def test_numbers_become_float64_and_read_only(dtype):
    read = fields(v=np.ones((2, 3), dtype))
    array = read.numbers("v")
    assert array.dtype == np.float64
    assert not array.flags.writeable
    assert read.findings == []


def test_leading_axes_of_one_are_stripped_where_the_number_of_axes_is_known():
    assert fields(v=np.ones((1, 1, 4, 3))).numbers("v", ndim=2).shape == (4, 3)
    assert fields(v=np.ones((1, 1, 4, 3))).numbers("v").shape == (1, 1, 4, 3)
    assert fields(v=np.ones((1, 3))).numbers("v", ndim=2).shape == (1, 3)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (np.ones((2, 4, 3)), "ND106"),
        (np.ones(3), "ND106"),
        (np.array(["a"]), "ND106"),
        (np.array(None), "ND106"),
        (np.empty((0, 3)), "ND106"),
        (np.array([[1.0, np.nan]]), "ND107"),
        (np.array([[-np.inf, np.inf]]), "ND107"),
    ],
)
def test_numbers_that_are_none(value, code):
    read = fields(v=value)
    assert read.numbers("v", ndim=2) is None
    assert [d.code for d in read.findings] == [code]


def test_missing_numbers_are_a_finding_only_where_they_are_needed():
    read = fields()
    assert read.numbers("v", needed=False) is None
    assert read.findings == []
    assert read.numbers("v") is None
    assert [d.code for d in read.findings] == ["ND106"]


@pytest.mark.parametrize("value", [2, 2.0, [2, 2], (2, 2), np.array(2), np.array([2]), np.array([[2, 2]]), np.uint8(2)])
def test_pairs(value):
    read = fields(k=value)
    assert read.pair("k") == (2, 2)
    assert read.findings == []


def test_a_pair_is_y_then_x():
    assert fields(k=np.array([1, 2])).pair("k") == (1, 2)
    assert fields().pair("k", default=3) == (3, 3)


@pytest.mark.parametrize(
    "value", [None, 0, -1, 1.5, np.inf, -np.inf, np.nan, "2", [1, 2, 3], [], [1, np.inf], True, np.array(["2"])]
)
def test_pairs_that_are_none(value):
    read = fields(k=value)
    assert read.pair("k", least=1) == (1, 1)
    assert [d.code for d in read.findings] == ["ND106"]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5, "1", None, [1, 2], []])
def test_integers_that_are_none(value):
    read = fields(g=value)
    assert read.integer("g", 7) == 7
    assert [d.code for d in read.findings] == ["ND106"]


@pytest.mark.parametrize("value", ["zero", b"zero", np.bytes_(b"zero"), np.array("zero"), np.array(["zero"])])
def test_a_nodes_own_choice(value):
    read = fields(metadata={"dynapcnn": {"reset": value}})
    assert read.choice("reset") == "zero"
    assert read.choice("tie") is None
    assert read.findings == []


@pytest.mark.parametrize("value", ["soft", 3, np.array(["zero", "zero"]), {"a": 1}, np.array([1.0, 2.0]), b"\xff"])
def test_a_choice_that_there_is_not(value):
    read = fields(metadata={"dynapcnn": {"reset": value}})
    assert read.choice("reset") is None
    assert [d.code for d in read.findings] == ["ND126"]


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ((2, 34, 34), (2, 34, 34)),
        (np.array([16]), (16,)),
        (16, (16,)),
        (np.array([2.0, 3.0]), (2, 3)),
        (np.array([[2, 34, 34]]), (2, 34, 34)),
        (None, None),
        ((), None),
        ((2, 0, 3), None),
        ((2, -1), None),
        ((2, 34.5, 34), None),
        ((2, np.nan), None),
        (((1, 2), 3), None),
        ("2x3", None),
    ],
)
def test_declared_shapes(value, shape):
    assert declared_shape(value) == shape


SHAPE = (3, 4, 5)


@pytest.mark.parametrize(
    "form", [(), (1,), (3,), (3, 1, 1), SHAPE, (1, 3), (1, 3, 1, 1), (1, *SHAPE), (1, 1, *SHAPE), (1, 1, 1)]
)
def test_every_form_of_a_neuron_parameter(form):
    array = np.arange(1.0, 1 + np.prod(form)).reshape(form)
    full = spread(array, SHAPE)
    assert full.shape == SHAPE
    channels = array.reshape(-1) if array.size == 3 else None
    for c in range(3):
        expected = (
            array.reshape(SHAPE)[c] if array.size == 60 else channels[c] if channels is not None else array.flat[0]
        )
        np.testing.assert_array_equal(full[c], np.broadcast_to(expected, (4, 5)))


@pytest.mark.parametrize("form", [(2,), (4,), (5,), (4, 5), (3, 4), (3, 5, 4), (2, *SHAPE), (60,), (3, 1, 5)])
def test_forms_that_do_not_fit(form):
    assert spread(np.ones(form), SHAPE) is None


@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 4), (1, 4, 1)])
def test_axes_that_could_be_a_maps_are_not_taken_for_a_batch(shape):
    """Numpy and torch would broadcast these along rows or columns."""
    assert spread(np.arange(4.0).reshape(shape), (4, 4, 4)) is None


def test_axes_in_front_of_a_flat_layer_or_of_a_whole_map_are():
    np.testing.assert_array_equal(spread(np.arange(4.0).reshape(1, 1, 4), (4, 1, 1)).ravel(), np.arange(4))
    np.testing.assert_array_equal(spread(np.arange(4.0).reshape(1, 4, 1, 1), (4, 2, 2))[:, 1, 1], np.arange(4))
    np.testing.assert_array_equal(spread(np.full((1, 1, 1), 3.0), (4, 2, 2)), np.full((4, 2, 2), 3.0))


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ({"dynapcnn": {"convension": "sinabs"}}, ["dynapcnn.convension"]),
        ({"dynapcnn": {"reset": "zero"}}, ["dynapcnn.reset"]),
        ({"dynapcnn": "sinabs"}, ["dynapcnn"]),
        ({"dynapcnn": {"convention": "torch"}, "author": "me"}, []),
        ({}, []),
    ],
)
def test_settings_of_a_graph_that_nobody_reads_are_told(metadata, names):
    graph = simple()
    graph.metadata = metadata
    found = [d.value for d in nirdynap.read(graph, "torch").notes if d.code == "ND119"]
    assert found == names


def test_settings_where_they_have_no_effect_are_told():
    graph = simple()
    graph.nodes["conv"].metadata = {"dynapcnn": {"reset": "zero"}}
    graph.nodes["if"].metadata = {"dynapcnn": {"flatten": "hwc", "reset": "zero"}}
    found = [(d.place, d.value) for d in nirdynap.read(graph, "torch").notes if d.code == "ND119"]
    assert sorted(found) == [("$.nodes.conv", "dynapcnn.reset"), ("$.nodes.if", "dynapcnn.flatten")]
