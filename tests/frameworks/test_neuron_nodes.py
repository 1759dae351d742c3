"""Nodes for neurons that keep a share of their membrane: what the graph says is the recurrence itself."""

import nir
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nirdynap.errors import CompileError
from nirdynap.frameworks.neuron_nodes import full, leaky_node
from nirdynap.frontend import read
from nirdynap.interpret import interpret

EXACT_DECAYS = (0.0, 0.5, 0.75, 0.875, 1.0)  # 1 / (1 - decay) is exact, and no product is rounded


@given(
    decays=st.lists(st.sampled_from(EXACT_DECAYS), min_size=3, max_size=3),
    reset=st.sampled_from(["subtract", "zero"]),
    tie=st.sampled_from(["fires", "waits"]),
    counts=st.lists(st.integers(0, 3), min_size=1, max_size=12),
)
def test_the_node_says_the_recurrence(decays, reset, tie, counts):
    own = {"reset": reset, "tie": tie, "reset_time": "now", "v_min": "none", "spikes_per_step": "one"}
    graph = nir.NIRGraph.from_list(
        nir.Input({"input": np.array([1])}),
        nir.Linear(np.array([[0.5], [1.0], [0.25]])),
        leaky_node("$", (3,), 1.0, decays, **own),
        nir.Output({"output": np.array([3])}),
    )
    found = interpret(read(graph, "torch"), np.array(counts).reshape(-1, 1, 1, 1)).raster[:, 0, :, 0, 0]

    v, expected = np.zeros(3), []
    for count in counts:
        v = np.array(decays) * v + count * np.array([0.5, 1.0, 0.25])
        spikes = (v >= 1.0) if tie == "fires" else (v > 1.0)
        v = np.where(spikes, 0.0, v) if reset == "zero" else v - spikes
        expected.append(spikes)
    assert np.array_equal(found, np.array(expected))


def test_a_layer_without_leak_is_an_if_node_that_every_nir_knows():
    node = leaky_node("$", (2, 1, 1), [[[1.0]], [[2.0]]], 1.0, reset="zero")
    assert isinstance(node, nir.IF)
    assert node.v_threshold.ravel().tolist() == [1.0, 2.0]
    assert node.metadata == {"dynapcnn": {"reset": "zero"}}


def test_in_nirs_own_equation_the_input_of_a_leaky_node_counts_as_it_is():
    node = leaky_node("$", (2,), 1.0, [0.9, 0.25], reset="zero")
    assert np.allclose(1.0 - 1.0 / node.tau, [0.9, 0.25])  # dt = 1, Euler
    assert np.allclose(node.r / node.tau, 1.0)


@pytest.mark.parametrize("values", [2.0, [2.0], np.full((1, 3), 2.0), np.full((1, 1, 3), 2.0)])
def test_parameters_of_any_shape_are_spread(values):
    assert full(values, (3,)).tolist() == [2.0, 2.0, 2.0]


def test_spread_parameters_are_the_nodes_own():
    values = np.ones(3)
    full(values, (3,))[0] = 5.0
    assert values.tolist() == [1.0, 1.0, 1.0]


def test_a_parameter_that_does_not_spread_is_told_with_its_place():
    with pytest.raises(CompileError, match=r"ND116 .* at \$\.nodes\.lif: a neuron's parameter is \(2, 3\)"):
        full(np.ones((2, 3)), (3,), "$.nodes.lif")
