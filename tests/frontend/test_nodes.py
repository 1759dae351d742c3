"""Each node type: what its fields become, and what is refused by name and reason."""

import nir
import numpy as np
import pytest

from by_hand import chain, conv, flatten, neurons, scale, sink, source, sum_pool
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.frontend.fields import Fields
from nirdynap.frontend.nodes import parse_node
from nirdynap.frontend.raw import RawNode
from nirdynap.ir.convention import CONVENTIONS
from nirdynap.ir.network import IF, Conv, Flatten, Linear, Pool, Scale


def around(node):
    """`node` between a convolution and neurons."""
    return chain(
        **{"in": source(2, 8, 8), "front": conv(2, 2, padding=1), "node": node, "if": neurons(), "out": sink()}
    )


def made(node, convention="torch", **options):
    return read(around(node), convention, **options).node("node")


def findings(node, convention="torch", **options):
    with pytest.raises(CompileError) as caught:
        read(around(node), convention, **options)
    return [(d.code, d.place) for d in caught.value.diagnostics if d.severity == "error"]


HERE = "$.nodes.node"


def test_convolution():
    node = made(conv(4, 1, kernel=3, stride=(1, 2), padding=(0, 1), dilation=(2, 1), groups=2, bias=np.arange(4.0)))
    assert isinstance(node, Conv)
    assert (node.stride, node.padding, node.dilation, node.groups) == ((1, 2), (0, 1), (2, 1), 2)
    assert node.weights.shape == (4, 1, 3, 3)
    np.testing.assert_array_equal(node.bias, np.arange(4.0))


@pytest.mark.parametrize(
    ("fields", "padding"),
    [
        ({"padding": "valid"}, (0, 0)),
        ({"padding": "same"}, (1, 1)),
        ({"padding": "same", "dilation": (2, 1)}, (2, 1)),
        ({"padding": "same", "kernel": 2, "dilation": 2}, (1, 1)),
        ({"padding": np.array([2, 0])}, (2, 0)),
        ({"padding": np.array(1.0)}, (1, 1)),
    ],
)
def test_padding(fields, padding):
    assert made(conv(channels=2, **fields)).padding == padding


@pytest.mark.parametrize(
    "fields",
    [
        {"padding": "same", "stride": 2},
        {"padding": "same", "kernel": 2},
        {"padding": -1},
        {"stride": 0},
        {"stride": np.inf},
        {"dilation": 0},
        {"dilation": 1.5},
        {"groups": 3},
        {"groups": 0},
        {"groups": np.nan},
        {"groups": "two"},
        {"bias": np.ones(3)},
        {"weight": np.ones((2, 2, 3))},
    ],
)
def test_convolutions_that_make_no_sense(fields):
    node = conv(channels=2)
    for name, value in (
        conv(channels=2, **{k: v for k, v in fields.items() if k == "kernel"}).__dict__ | fields
    ).items():
        if name != "kernel":
            setattr(node, name, value)
    assert findings(node) == [("ND106", HERE)]


def test_a_weight_that_is_no_number_hides_no_other_finding_and_makes_none_up():
    node = conv(channels=2, weight=np.full((2, 2, 3, 3), np.nan), groups=1, stride=0, bias=np.ones(2))
    assert findings(node) == [("ND106", HERE), ("ND107", HERE)]


def test_linear_and_affine():
    weight = np.arange(6.0).reshape(3, 2)
    for node, bias in ((nir.Linear(weight), None), (nir.Affine(weight, np.arange(3.0)), [0, 1, 2])):
        drawn = chain(**{"in": source(2), "node": node, "if": neurons(), "out": sink()})
        linear = read(drawn, "torch").node("node")
        assert isinstance(linear, Linear)
        np.testing.assert_array_equal(linear.weights, weight)
        assert linear.bias is None if bias is None else linear.bias.tolist() == bias


@pytest.mark.parametrize("form", [(), (1,), (2,), (2, 1, 1), (2, 8, 8)])
def test_neurons_of_every_form(form):
    node = made(neurons(np.full(form, 0.5), np.full(form, 3.0)))
    assert isinstance(node, IF)
    assert node.threshold.shape == node.gain.shape == (2, 8, 8)
    assert (node.threshold == 0.5).all()
    assert (node.gain == 3).all()


@pytest.mark.parametrize(
    ("node", "code"),
    [
        (neurons(0.0), "ND108"),
        (neurons(-1.0), "ND108"),
        (neurons([1.0, 0.0]), "ND108"),
        (neurons(np.nan), "ND107"),
        (neurons(1.0, np.inf), "ND107"),
        (neurons(1.0, v_reset=np.array(-0.5), metadata={"dynapcnn": {"reset": "zero"}}), "ND120"),
    ],
)
def test_neurons_that_make_no_sense(node, code):
    assert findings(node) == [(code, HERE)]


@pytest.mark.parametrize(
    ("convention", "reset", "tie", "v_min"),
    [("nir", "zero", "fires", None), ("sinabs", "subtract", "fires", -0.5), ("norse", "zero", "waits", None)],
)
def test_the_convention_decides_what_the_file_leaves_open(convention, reset, tie, v_min):
    node = made(neurons(0.5), convention)
    assert (node.reset, node.tie) == (reset, tie)
    assert node.v_min is None if v_min is None else (node.v_min == v_min).all()


def test_a_v_reset_in_the_graph_means_zero_with_a_warning_and_none_means_subtract():
    with_reset, without = neurons(), neurons()
    del without.v_reset
    notes = read(around(with_reset), "nir").notes
    assert {(d.code, d.place, d.severity) for d in notes} == {("ND124", p, "warning") for p in (HERE, "$.nodes.if")}
    assert made(without, "nir").reset == "subtract"
    assert made(with_reset, "nir", reset="subtract").reset == "subtract"


def test_a_nodes_own_metadata_wins_over_the_convention_and_the_caller_over_both():
    node = neurons()
    node.metadata = {"dynapcnn": {"reset": "zero", "v_min": -2.0, "tie": "waits"}}
    own = made(node)
    assert (own.reset, own.tie, float(own.v_min.max())) == ("zero", "waits", -2.0)
    told = made(node, reset="subtract", v_min="none", tie="fires")
    assert (told.reset, told.tie, told.v_min) == ("subtract", "fires", None)


def test_spikes_per_step_is_one_setting_for_all():
    drawn = around(neurons())
    drawn.nodes["node"] = conv(channels=2)
    drawn.nodes["if"].metadata = {"dynapcnn": {"spikes_per_step": "many"}}
    assert read(drawn, "torch").convention.spikes_per_step == "many"
    assert read(drawn, "torch", spikes_per_step="one").convention.spikes_per_step == "one"
    drawn = around(neurons())
    drawn.nodes["if"].metadata = {"dynapcnn": {"spikes_per_step": "many"}}
    with pytest.raises(CompileError, match=r"ND216 .* spikes_per_step is many and one"):
        read(drawn, "torch")


def test_a_resistance_of_one_over_dt_is_a_gain_of_one():
    assert (made(neurons(1.0, 1e4), "spikingjelly").gain == 1).all()
    assert (made(neurons(1.0, 1.0), "spikingjelly").gain == 1).all()
    np.testing.assert_allclose(made(neurons(1.0, 500.0), "spikingjelly", dt=1e-3).gain, 0.5)


@pytest.mark.parametrize(("node", "kind"), [(sum_pool(2), "sum"), (nir.AvgPool2d(2, 2, 0), "avg")])
def test_pools(node, kind):
    pool = made(node)
    assert isinstance(pool, Pool)
    assert (pool.kind, pool.size) == (kind, (2, 2))


def test_a_pool_may_have_unequal_sides_here():
    assert made(nir.SumPool2d(np.array([2, 1]), np.array([2, 1]), np.array([0, 0]))).size == (2, 1)


@pytest.mark.parametrize("fields", [{"stride": np.array([1, 1])}, {"padding": np.array([1, 1])}])
def test_pools_that_overlap_or_pad(fields):
    assert findings(sum_pool(2, **fields)) == [("ND118", HERE)]


@pytest.mark.parametrize(("start", "end"), [(0, -1), (1, -1), (1, 3), (0, 2)])
def test_flatten_means_the_whole_map(start, end):
    node = made(nir.Flatten({"input": None}, start, end))
    assert isinstance(node, Flatten)
    assert (node.order, node.output_shape) == ("chw", (128, 1, 1))
    assert made(flatten(), "spyx", delay="drop").order == "hwc"


@pytest.mark.parametrize(("start", "end"), [(2, -1), (0, 1), (-1, -1)])
def test_flatten_of_some_axes_is_refused(start, end):
    assert findings(nir.Flatten({"input": None}, start, end)) == [("ND106", HERE)]


@pytest.mark.parametrize("form", [(), (1,), (2,), (2, 1, 1), (2, 8, 8)])
def test_scales_of_every_form(form):
    node = made(scale(np.full(form, 2.5)))
    assert isinstance(node, Scale)
    assert (node.factor == 2.5).all()
    assert node.factor.shape == (2, 8, 8)


ONES = np.ones(2)


@pytest.mark.parametrize(
    "node",
    [
        nir.CubaLIF(ONES, ONES, ONES, ONES, ONES),
        nir.LI(ONES, ONES, ONES),
        nir.CubaLI(ONES, ONES, ONES, ONES),
        nir.I(ONES),
        nir.Delay(ONES),
        nir.Threshold(ONES),
        nir.Conv1d(8, np.ones((2, 2, 3)), 1, 0, 1, 1, ONES),
    ],
    ids=lambda node: type(node).__name__,
)
def test_other_nodes_of_nir_are_refused_by_name_and_reason(node):
    with pytest.raises(CompileError, match=rf"ND105 .* \$\.nodes\.node: {type(node).__name__} .*; try .+"):
        made(node)


def test_a_field_that_nobody_knows_is_a_warning():
    raw = RawNode(name="node", type="IF", fields={"v_threshold": np.ones(()), "surrogate": "atan"})
    fields = Fields(raw)
    assert parse_node(fields, CONVENTIONS["torch"], frozenset()) is not None
    assert [(d.code, d.severity, d.value) for d in fields.findings] == [("ND119", "warning", "surrogate")]
