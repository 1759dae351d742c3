"""What the strategy for NIR graphs promises: valid graphs, every feature, options obeyed, a small shrink target."""

from __future__ import annotations

import itertools

import nir
import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis.errors import InvalidArgument

from by_hand import facts
from nirdynap.compile import check
from nirdynap.testing.graphs import networks


def unfolded(graph: nir.NIRGraph) -> list[nir.NIRNode]:
    return [n for node in graph.nodes.values() for n in (unfolded(node) if isinstance(node, nir.NIRGraph) else [node])]


def some(graph, kind, test=lambda node: True):
    return any(isinstance(node, kind) and test(node) for node in unfolded(graph))


def follows(graph, first, second):
    return any(isinstance(graph.nodes[a], first) and isinstance(graph.nodes[b], second) for a, b in graph.edges)


POOLS = (nir.SumPool2d, nir.AvgPool2d)
WEIGHTS = (nir.Conv2d, nir.Linear, nir.Affine)
FEATURES = {
    "strided": lambda g: some(g, nir.Conv2d, lambda n: np.max(n.stride) > 1),
    "padded": lambda g: some(g, nir.Conv2d, lambda n: n.padding != "valid" and np.max(n.padding) > 0),
    "valid": lambda g: some(g, nir.Conv2d, lambda n: n.padding == "valid"),
    "grouped": lambda g: some(g, nir.Conv2d, lambda n: n.groups > 1),
    "dilated": lambda g: some(g, nir.Conv2d, lambda n: np.max(n.dilation) > 1 and max(n.weight.shape[2:]) > 1),
    "oblong kernel": lambda g: some(g, nir.Conv2d, lambda n: n.weight.shape[2] != n.weight.shape[3]),
    "linear": lambda g: follows(g, nir.Flatten, nir.Linear),
    "affine": lambda g: follows(g, nir.Flatten, nir.Affine),
    "biased": lambda g: some(g, nir.Conv2d, lambda n: n.bias.any()),
    "float32": lambda g: some(g, nir.IF, lambda n: n.v_threshold.dtype == np.float32),
    "scalar threshold": lambda g: some(g, nir.IF, lambda n: n.v_threshold.shape == ()),
    "threshold of one": lambda g: some(g, nir.IF, lambda n: n.v_threshold.shape == (1,)),
    "threshold per channel": lambda g: some(g, nir.IF, lambda n: n.v_threshold.ndim == 1 and np.ptp(n.v_threshold) > 0),
    "threshold per channel, (C, 1, 1)": lambda g: some(g, nir.IF, lambda n: n.v_threshold.shape[1:] == (1, 1)),
    "threshold per neuron": lambda g: some(g, nir.IF, lambda n: n.v_threshold.size > len(np.atleast_1d(n.v_threshold))),
    "r": lambda g: some(g, nir.IF, lambda n: (n.r != 1).any()),
    "pool in a row": lambda g: follows(g, POOLS, POOLS),
    "scale before weights": lambda g: follows(g, nir.Scale, WEIGHTS),
    "scale after weights": lambda g: follows(g, WEIGHTS, nir.Scale),
    "scale before a pool": lambda g: follows(g, nir.Scale, POOLS),
    "scale behind a flatten": lambda g: follows(g, nir.Flatten, nir.Scale),
    "weights in a row": lambda g: follows(g, WEIGHTS, WEIGHTS),
    "nested": lambda g: some(g, nir.IF) and any(isinstance(n, nir.NIRGraph) for n in g.nodes.values()),
    "several outputs": lambda g: sum(isinstance(n, nir.Output) for n in g.nodes.values()) > 1,
    "merge": lambda g: len({b for _, b in g.edges}) < len(g.edges),
    "hidden output": lambda g: any(
        isinstance(g.nodes[b], nir.Output) and any(a2 == a and b2 != b for a2, b2 in g.edges) for a, b in g.edges
    ),
    "sources of different factors": lambda g: "ND217" in {d.code for d in check(g, convention="torch").diagnostics},
}


@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature_is_drawn(feature):
    quick = settings(max_examples=3000, deadline=None, phases=[Phase.generate], database=None)
    assert FEATURES[feature](find(networks(), FEATURES[feature], settings=quick))


@settings(deadline=None, max_examples=60)
@given(drawn=networks(max_layers=9))
def test_every_graph_fits_a_speck_2f_and_is_fit_for_exact_arithmetic(drawn):
    report = check(drawn, "speck2f", convention="torch")
    assert report.fits, report.diagnostics
    for node in unfolded(drawn):
        for name in ("weight", "bias", "scale", "r", "v_threshold"):
            values = getattr(node, name, np.zeros(1)) * 64.0
            np.testing.assert_array_equal(values, np.rint(values))


@settings(deadline=None, max_examples=60)
@given(drawn=networks(min_layers=2, max_layers=3, branches=False, nested=False, biases=False))
def test_options_are_obeyed(drawn):
    assert 2 <= sum(isinstance(n, WEIGHTS) for n in drawn.nodes.values()) <= 3
    ends = list(itertools.chain.from_iterable(drawn.edges))
    assert all(ends.count(name) <= 2 for name in drawn.nodes)
    assert not some(drawn, nir.NIRGraph)
    assert not some(drawn, nir.Affine)
    assert not some(drawn, nir.Conv2d, lambda n: n.bias.any())


@pytest.mark.parametrize(("least", "most"), [(0, 1), (2, 1), (1, 10)])
def test_options_out_of_range(least, most):
    with pytest.raises(InvalidArgument, match="min_layers <= max_layers <= 9"):
        networks(min_layers=least, max_layers=most)


def test_the_shrink_target():
    smallest = find(networks(), lambda _: True, settings=settings(database=None))
    assert list(smallest.nodes) == ["input", "linear0", "if0", "output0"]
    linear, neuron = smallest.nodes["linear0"], smallest.nodes["if0"]
    assert facts(linear.weight) == facts(np.ones((1, 1)))
    assert (neuron.r, neuron.v_threshold) == (1, 1)
    assert smallest.nodes["input"].input_type["input"].tolist() == [1, 1, 1]
