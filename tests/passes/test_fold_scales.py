import nir
import numpy as np
import pytest
from same_run import assert_same_run, raster

from by_hand import avg_pool, chain, conv, flatten, graph, neurons, scale, sink, source, sum_pool
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.network import Conv, Pool, Scale
from nirdynap.passes import normalise
from nirdynap.passes.average_pools import average_pools
from nirdynap.passes.fold_scales import fold_scales

FRONT = {"in": source(), "conv": conv(), "if": neurons()}
BACK = {"conv2": conv(channels=2), "if2": neurons(), "out": sink()}


def folded(network):
    after = fold_scales(network)
    assert not any(isinstance(n, Scale) for n in after.nodes)
    assert_same_run(network, after, raster(network, 1))
    return after


@pytest.mark.parametrize("factor", [2.0, [[[0.5]], [[-3.0]]]])
def test_behind_weights_into_output_channels(factor):
    nodes = {
        "in": source(),
        "conv": conv(bias=np.array([0.5, 1.0])),
        "s": scale(factor),
        "if": neurons(),
        "out": sink(),
    }
    after = folded(read(chain(**nodes), "torch"))
    assert after.node("conv").origin == ("conv", "s")


@pytest.mark.parametrize("factor", [2.0, [[[0.5]], [[-3.0]]]])
def test_before_weights_into_input_channels_but_not_into_the_bias(factor):
    back = {**BACK, "conv2": conv(channels=2, bias=np.array([0.5, 1.0]))}
    after = folded(read(chain(**FRONT, s=scale(factor), **back), "torch"))
    np.testing.assert_array_equal(after.node("conv2").bias, [0.5, 1.0])


def test_several_in_a_row_and_past_a_pool():
    folded(
        read(chain(**FRONT, a=scale(2.0), b=scale([[[0.5]], [[3.0]]]), p=sum_pool(2), c=scale(-1.0), **BACK), "torch")
    )


def test_of_one_factor_for_each_pixel_where_each_weight_meets_one_pixel():
    per_pixel = scale(np.arange(1.0, 73.0).reshape(2, 6, 6) / 8)
    nodes = {**FRONT, "s": per_pixel, "flat": flatten(), "fc": nir.Linear(np.ones((3, 72)) / 8)}
    network = read(chain(**nodes, if2=neurons(), out=sink()), "torch")
    assert_same_run(network, normalise(network), raster(network, 1))


def test_sources_with_different_factors_get_input_channels_of_their_own():
    nodes = {"in": source(), "fine": conv(), "if_fine": neurons(), "pool": avg_pool(2)}
    nodes |= {"coarse": conv(stride=2), "if_coarse": neurons(), "conv2": conv(channels=2, kernel=2), "if2": neurons()}
    edges = ("in -> fine -> if_fine -> pool -> conv2 -> if2 -> out", "in -> coarse -> if_coarse -> conv2")
    network = average_pools(read(graph({**nodes, "out": sink()}, *edges), "torch"))
    after = folded(network)
    node = after.node("conv2")
    assert node.input_shape == (4, 3, 3)
    assert sorted(e.feature_shift for e in after.edges_into("conv2")) == [0, 2]
    assert [(d.code, d.value, d.limit) for d in after.notes] == [("ND217", "1, 0.25", 4)]


def test_the_note_says_from_where_to_where_the_factors_go():
    nodes = {**FRONT, "s": scale([[[0.5]], [[-3.0]]]), **BACK}
    after = folded(read(graph(nodes, "in -> conv -> if -> s -> conv2 -> if2 -> out", "if -> conv2"), "torch"))
    (note,) = after.notes
    assert sorted(note.value.split(", ")) == ["-3..0.5", "1"]


def test_sources_with_equal_factors_share_their_input_channels():
    nodes = {
        "in": source(),
        "a": conv(),
        "if_a": neurons(),
        "b": conv(),
        "if_b": neurons(0.5),
        "s": scale(0.5),
        "t": scale(0.5),
    }
    edges = ("in -> a -> if_a -> s -> conv2 -> if2 -> out", "in -> b -> if_b -> t -> conv2")
    after = folded(read(graph({**nodes, **BACK}, *edges), "torch"))
    assert after.node("conv2").input_shape == (2, 6, 6)
    assert after.notes == ()


def test_two_ways_from_one_source_add_up():
    nodes = {**FRONT, "s": scale(2.0), "t": scale(0.5), **BACK}
    folded(read(graph(nodes, "in -> conv -> if -> s -> conv2 -> if2 -> out", "if -> t -> conv2", "s -> t"), "torch"))


def test_a_scale_with_several_sources_and_targets():
    nodes = {"in": source(), "a": conv(), "if_a": neurons(), "b": conv(), "if_b": neurons(0.5), "s": scale(0.5)}
    nodes |= {"c": conv(channels=2), "if_c": neurons(), "p": sum_pool(2), "d": conv(channels=2), "if_d": neurons()}
    edges = ("in -> a -> if_a -> s -> c -> if_c -> out", "in -> b -> if_b -> s -> p -> d -> if_d -> out2")
    after = folded(read(graph({**nodes, "out": sink(), "out2": sink()}, *edges), "torch"))
    assert sum(isinstance(n, Conv) for n in after.nodes) == 4


def refusals(network):
    with pytest.raises(CompileError) as caught:
        fold_scales(network)
    return [(d.code, d.place) for d in caught.value.diagnostics]


def test_all_that_cannot_fold_is_said_at_once():
    uneven = {
        name: scale(np.arange(1.0, 1 + 2 * side**2).reshape(2, side, side)) for name, side in (("s", 6), ("u", 4))
    }
    nodes = {**FRONT, "s": uneven["s"], "conv2": conv(channels=2), "u": uneven["u"], "if2": neurons(), "v": scale(2.0)}
    network = read(chain(**nodes, out=sink()), "torch")
    assert refusals(network) == [("ND204", "$.nodes.s"), ("ND204", "$.nodes.u"), ("ND205", "$.nodes.v")]


def test_a_scale_in_front_of_a_bare_neuron_is_left_to_the_last_pass():
    nodes = {**FRONT, "s": scale(2.0), "if2": neurons(), "out": sink()}
    with pytest.raises(CompileError) as caught:
        normalise(read(chain(**nodes), "torch"))
    assert [(d.code, d.place) for d in caught.value.diagnostics] == [("ND207", "$.nodes.if2")]


def test_behind_a_pool_it_has_the_shape_of_what_the_pool_sends_on():
    network = read(chain(**FRONT, s=scale([[[2.0]], [[3.0]]]), p=sum_pool(2), if2=neurons(), out=sink()), "torch")
    after = fold_scales(network)
    (left,) = (n for n in after.nodes if isinstance(n, Scale))
    assert left.input_shape == (2, 3, 3)
    assert left.factor[:, 1, 1].tolist() == [2, 3]
    assert sum(isinstance(n, Pool) for n in after.nodes) == 1, "the pool has gone where the scaled spikes go"
    assert_same_run(network, after, raster(network, 1))


def test_a_pool_that_others_come_through_stays_for_them():
    nodes = {**FRONT, "s": scale([[[2.0]], [[3.0]]]), "p": sum_pool(2), **BACK}
    after = folded(read(graph(nodes, "in -> conv -> if -> s -> p -> conv2 -> if2 -> out", "if -> p"), "torch"))
    assert sum(isinstance(n, Pool) for n in after.nodes) == 2


def test_in_front_of_an_output_the_first_factor_is_shown():
    with pytest.raises(CompileError, match=r"ND205 .* a factor of 2 stands"):
        fold_scales(read(chain(**FRONT, s=scale([[[2.0]], [[3.0]]]), out=sink()), "torch"))


def test_what_an_earlier_pass_refused_is_no_second_finding():
    nodes = {**FRONT, "flat": flatten(), "out": sink(), "small": conv(channels=2, kernel=6), "if2": neurons()}
    nodes |= {"s": scale(2.0), "fc": nir.Linear(np.ones((3, 2))), "if3": neurons(), "out2": sink()}
    edges = ("in -> conv -> if -> flat -> out", "if -> small -> if2 -> s -> fc -> if3 -> out2")
    with pytest.raises(CompileError) as caught:
        normalise(read(graph(nodes, *edges), "torch", flatten="hwc"))
    assert [(d.code, d.place) for d in caught.value.diagnostics] == [("ND219", "$.nodes.flat")]
