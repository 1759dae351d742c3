import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from same_run import assert_same_run, raster

from by_hand import chain, conv, graph, neurons, sink, source
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.network import Network
from nirdynap.passes.fold_drift import fold_drift
from nirdynap.passes.rewrite import replaced


def drifting(drift: np.ndarray, bias: np.ndarray | None, reset: str = "subtract") -> Network:
    """A network whose neurons gain `drift` [2, 6, 6] in each step."""
    convolution = conv() if bias is None else conv(bias=bias)
    network = read(chain(**{"in": source(), "conv": convolution, "if": neurons(), "out": sink()}), "torch", reset=reset)
    moved = dataclasses.replace(network.node("if"), drift=drift)
    return dataclasses.replace(network, nodes=tuple(moved if n.name == "if" else n for n in network.nodes))


def per_channel(values: list[float]) -> np.ndarray:
    return np.broadcast_to(np.array(values)[:, None, None], (2, 6, 6)).copy()


sixteenths = st.integers(-24, 24).map(lambda n: n / 16)
two = st.lists(sixteenths, min_size=2, max_size=2)


@settings(deadline=None)
@given(drift=two, bias=st.none() | two, reset=st.sampled_from(["subtract", "zero"]), seed=st.integers(0, 2**32 - 1))
def test_the_same_membranes(drift, bias, reset, seed):
    network = drifting(per_channel(drift), None if bias is None else np.array(bias), reset)
    after = fold_drift(network)
    assert after.node("if").drift is None
    assert_same_run(network, after, raster(network, seed))


def two_layers():
    layers = {"c0": conv(1), "if0": neurons(), "c1": conv(1), "if1": neurons()}
    return read(chain(**{"in": source(), **layers, "out": sink()}), "torch")


def test_every_layer_with_drift_per_pixel_is_named():
    network = two_layers()
    for name in ("if0", "if1"):
        node = network.node(name)
        drift = np.arange(np.prod(node.input_shape)).reshape(node.input_shape) / 8
        network = replaced(network, dataclasses.replace(node, drift=drift))
    with pytest.raises(CompileError) as caught:
        fold_drift(network)
    assert [d.place for d in caught.value.diagnostics] == ["$.nodes.if0", "$.nodes.if1"]


def test_a_layer_without_drift_hides_none_behind_it():
    network = two_layers()
    node = network.node("if1")
    network = replaced(network, dataclasses.replace(node, drift=np.full(node.input_shape, 0.5)))
    after = fold_drift(network)
    assert after.node("if1").drift is None
    assert_same_run(network, after, raster(network, 1))


def test_a_convolution_that_feeds_others_too_keeps_its_bias():
    """Their neurons do not drift; `pairs` refuses it."""
    nodes = {"in": source(), "conv": conv(), "if": neurons(), "if2": neurons(), "out": sink(), "out2": sink()}
    network = read(graph(nodes, "in -> conv -> if -> out", "conv -> if2 -> out2"), "torch")
    network = replaced(network, dataclasses.replace(network.node("if"), drift=per_channel([0.5, 0.25])))
    assert fold_drift(network) is network


def test_drift_per_pixel_is_refused():
    drift = per_channel([0.5, 0.25])
    drift[1, 2, 3] = 1
    with pytest.raises(CompileError, match=r"ND221 .* \$\.nodes\.if: .* within channel 1"):
        fold_drift(drifting(drift, None))
