"""The promise of every pass: the same spikes of every neuron, the same outputs, and what the pass says is gone."""

from __future__ import annotations

import dataclasses
from unittest import mock

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from same_run import assert_same_run, raster

from by_hand import chain, conv, neurons, scale, sink, source, sum_pool
from nirdynap import passes
from nirdynap.errors import SCALED_INPUT_MIX, CompileError
from nirdynap.frontend import read
from nirdynap.ir.network import IF, Conv, Edge, Flatten, Input, Linear, Network, Output, Pool, Scale
from nirdynap.passes import NORMALISE, normalise
from nirdynap.passes.rewrite import replaced
from nirdynap.testing import assert_equivalent, networks

CONVENTIONS = ("torch", "nir", "sinabs", "norse", "snntorch", "rockpool", "spyx", "lava")


def gone(network: Network, step: str) -> list[str]:
    """Nodes that should no longer be there after the pass of that name."""
    nodes = network.nodes
    left = {
        "drop_noops": lambda n: (
            (isinstance(n, Pool) and n.size == (1, 1)) or (isinstance(n, Scale) and (n.factor == 1).all())
        ),
        "average_pools": lambda n: isinstance(n, Pool) and n.kind == "avg",
        "expand_kernels": lambda n: isinstance(n, Conv) and (n.groups, n.dilation) != (1, (1, 1)),
        "linear_to_conv": lambda n: isinstance(n, (Linear, Flatten)),
        "fold_current_pools": lambda n: (
            isinstance(n, Pool)
            and [len(network.edges_from(s.name)) for s in network.sources(n.name) if isinstance(s, Conv)] == [1]
            and len(network.edges_into(n.name)) == 1
        ),
        "fold_scales": lambda n: isinstance(n, Scale),
        "fold_placements": lambda n: False,  # none are drawn here: test_fold_placements.py does that
        "fold_affine_maps": lambda n: isinstance(n, Conv) and any(isinstance(s, Conv) for s in network.sources(n.name)),
        "fold_gain": lambda n: isinstance(n, IF) and (n.gain != 1).any(),
        "collapse_thresholds": lambda n: isinstance(n, IF) and (n.threshold != n.threshold.flat[0]).any(),
        "consolidate_pools": lambda n: (
            isinstance(n, Pool) and any(isinstance(s, Pool) for s in network.sources(n.name))
        ),
        "fold_input_pools": lambda n: (
            isinstance(n, Pool)
            and isinstance(network.sources(n.name)[0], Input)
            and all(
                isinstance(t, Conv) and t.padding == (0, 0) and len(network.edges_into(t.name)) == 1
                for t in network.targets(n.name)
            )
        ),
        "merge_currents": lambda n: (
            isinstance(n, IF)
            and len(network.sources(n.name)) > 1
            and len({(s.stride, s.input_shape) for s in network.sources(n.name) if isinstance(s, Conv)}) == 1
        ),
        "fold_drift": lambda n: isinstance(n, IF) and n.drift is not None,
        "square_kernels": lambda n: isinstance(n, Conv) and n.weights.shape[2] != n.weights.shape[3],
        "pairs": lambda n: not isinstance(n, (Input, Conv, IF, Pool, Output)),
    }
    return [n.name for n in nodes if left[step](n)]


@settings(max_examples=120, deadline=None)
@given(drawn=networks(), convention=st.sampled_from(CONVENTIONS), seed=st.integers(0, 2**32 - 1))
def test_each_pass_keeps_every_spike_and_keeps_its_promise(drawn, convention, seed):
    network = read(drawn, convention, delay="drop")
    counts = raster(network, seed)
    fulfilled: list[str] = []
    for transform in NORMALISE:
        before, digest = network, network.digest()
        try:
            network = transform(before)
        except CompileError as error:
            # A Flatten in front of an Output is refused where elements are channel-last.
            if convention == "spyx" and {d.code for d in error.diagnostics} == {"ND219"}:
                return
            raise
        assert before.digest() == digest, f"{transform.__name__} edits what it is given"
        assert_same_run(before, network, counts)
        fulfilled.append(transform.__name__)
        assert [(step, gone(network, step)) for step in fulfilled if gone(network, step)] == []


@settings(max_examples=60, deadline=None)
@given(drawn=networks(), seed=st.integers(0, 2**32 - 1))
def test_normalise_keeps_every_spike_and_is_done_after_one_run(drawn, seed):
    network = read(drawn, "torch")
    lowered = normalise(network)
    counts = raster(network, seed)
    assert_same_run(network, lowered, counts)
    assert_equivalent(network, lowered, counts)
    assert normalise(lowered).nodes == lowered.nodes
    assert normalise(lowered).edges == lowered.edges


@settings(max_examples=60, deadline=None)
@given(drawn=networks())
def test_every_node_of_the_user_is_credited(drawn):
    network = read(drawn, "torch")
    effective = {n.name for n in network.nodes if not _is_noop(network, n)}
    credited = {o for n in normalise(network).nodes for o in n.origin}
    assert effective <= credited <= {n.name for n in network.nodes}


def _is_noop(network, node):
    flat = isinstance(node, Flatten)  # in front of an Output it only renumbers
    ends = flat and any(isinstance(t, Output) for t in network.targets(node.name))
    return (
        ends
        or (flat and node.input_shape == node.output_shape)
        or (isinstance(node, Scale) and bool((node.factor == 1).all()))
        or (isinstance(node, Pool) and node.size == (1, 1))
    )


# --- the runner -------------------------------------------------------------------------------------------------------

POOLED = {"in": source(), "conv": conv(), "if": neurons(), "pool": sum_pool(2), "conv2": conv(channels=2, kernel=2)}


def test_findings_of_all_passes_come_at_once_with_the_notes():
    r, theta = np.ones((2, 6, 6)), np.ones((2, 6, 6))
    r[0, 0, 0] = theta[1, 5, 5] = 2
    network = read(chain(**{"in": source(), "conv": conv(), "if": neurons(theta, r), "out": sink()}), "torch")
    note = SCALED_INPUT_MIX.at("$.nodes.conv", value="1, 2", limit=2)
    with pytest.raises(CompileError) as caught:
        normalise(dataclasses.replace(network, notes=(note,)))
    assert [d.code for d in caught.value.diagnostics] == ["ND202", "ND201", "ND217"]


@pytest.mark.parametrize("weight", [1e308, 0.0])
def test_what_is_no_number_is_not_a_warning_here(weight):
    """Too large, and zero times that: `discretize` refuses both by name."""
    nodes = {"in": source(), "a": scale(1e200), "b": scale(1e200), "conv": conv(weight=np.full((2, 1, 3, 3), weight))}
    after = normalise(read(chain(**nodes, **{"if": neurons(), "out": sink()}), "torch"))
    assert not np.isfinite(after.node("conv").weights).any()


def test_a_leak_is_not_for_the_passes():
    leaky = nir.LIF(*(np.full(2, value) for value in (0.01, 1.0, 0.0, 2.0)))
    network = read(chain(**{"in": source(), "conv": conv(), "lif": leaky, "out": sink()}), "torch", dt=1e-3)
    with pytest.raises(AssertionError, match=r"^approximate_leak comes first"):
        normalise(network)


def broken(network, change):
    """What the runner says of a pass that does this."""

    def careless(before):
        return change(before)

    with mock.patch.object(passes, "NORMALISE", (careless,)):
        return normalise(network)


def edge(network, source, target, **changed):
    """`network` with that one edge changed."""
    new = tuple(
        dataclasses.replace(e, **changed) if (e.source, e.target) == (source, target) else e for e in network.edges
    )
    return dataclasses.replace(network, edges=new)


def with_shape(network, name, shape):
    return replaced(network, dataclasses.replace(network.node(name), input_shape=shape))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n: dataclasses.replace(n, nodes=(*n.nodes, n.nodes[-1])), "careless: two nodes of one name"),
        (lambda n: edge(n, "if", "pool", feature_shift=1), "careless: Edge.* does not fit, .2, 6, 6. into .2, 6, 6."),
        (lambda n: edge(n, "pool", "conv2", feature_shift=1), "does not fit"),
        (lambda n: with_shape(n, "pool", (2, 5, 6)), "does not fit"),
        (lambda n: with_shape(n, "pool", (2, 6, 5)), "does not fit"),
        (lambda n: with_shape(n, "pool", (1, 6, 6)), "does not fit"),
        (lambda n: with_shape(n, "conv2", (1, 3, 3)), "does not fit"),
    ],
)
def test_a_pass_that_breaks_the_network_is_named(change, said):
    network = read(chain(**POOLED, if2=neurons(), out=sink()), "torch")
    with pytest.raises(AssertionError, match=said):
        broken(network, change)


def test_a_pass_that_ties_a_knot_is_noticed():
    network = read(chain(**POOLED, if2=neurons(), out=sink()), "torch")
    with pytest.raises(CompileError, match="ND1"):
        broken(network, lambda n: dataclasses.replace(n, edges=(*n.edges, Edge(source="if2", target="conv"))))


def test_rows_and_columns_may_be_cut_off_on_the_way_into_a_convolution():
    network = read(chain(**POOLED, if2=neurons(), out=sink()), "torch")
    after = broken(network, lambda n: with_shape(n, "conv2", (2, 2, 2)))
    assert after.node("conv2").input_shape == (2, 2, 2)


def test_what_no_core_can_be_is_not_returned():
    network = read(chain(**{"in": source(), "s": scale(2.0), "conv": conv(), "if": neurons(), "out": sink()}), "torch")
    with pytest.raises(AssertionError):
        broken(network, lambda n: n)
