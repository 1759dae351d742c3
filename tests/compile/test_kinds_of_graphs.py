"""Every kind of feed-forward graph that a chip can run, as one concrete network each, judged the same way.

The float network fires as the lowered one, the chip's integers as the float network with those integers in it; the
event run is the oracle's; the spec is valid without a warning about maps; and on other cores it is the same network.
"""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from by_hand import avg_pool, chain, conv, flatten, graph, in_integers, neurons, scale, sink, source, sum_pool
from nirdynap.chips.chip import load_chip
from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.errors import errors_of
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from nirdynap.lower.rules import candidates
from nirdynap.lower.validate import validate
from nirdynap.passes import normalise
from nirdynap.sim import simulate
from nirdynap.testing import oracle
from nirdynap.testing.graphs import networks
from nirdynap.testing.same import assert_same_result

READING = {"convention": "torch", "reset": "subtract"}


def spiking(*names: str, **convs: Any) -> dict[str, Any]:
    """The convolutions, and neurons of threshold 2 behind each as "if_<name>"."""
    return convs | {f"if_{name}": neurons(2.0) for name in (*names, *convs)}


def split():
    nodes = {"in": source(2, 8, 8), **spiking(stem=conv(4, 2), a=conv(2, 4), b=conv(2, 4)), "half": sum_pool(2)}
    nodes |= {"out_a": sink(), "out_b": sink()}
    return graph(nodes, "in -> stem -> if_stem -> a -> if_a -> out_a", "if_stem -> half -> b -> if_b -> out_b")


def two_poolings():
    nodes = {"in": source(2, 11, 11), **spiking(stem=conv(4, 2), a=conv(2, 4, 2), b=conv(3, 4, 1))}
    nodes |= {"half": avg_pool(2), "quarter": sum_pool(4), "out_a": sink(), "out_b": sink()}
    paths = ("if_stem -> half -> a -> if_a -> out_a", "if_stem -> quarter -> b -> if_b -> out_b")
    return graph(nodes, "in -> stem -> if_stem", *paths)


def sums():
    nodes = {"in": source(2, 8, 8), "out": sink()}
    nodes |= spiking(a=conv(3, 2), b=conv(3, 2), c=conv(3, 2), join=conv(2, 3))
    paths = (f"in -> {name} -> if_{name} -> join" for name in "abc")
    return graph(nodes, *paths, "join -> if_join -> out")


def residual():
    nodes = {"in": source(2, 8, 8), "out": sink()}
    nodes |= spiking(stem=conv(3, 2), body=conv(3, 3, padding=1), last=conv(2, 3))
    return graph(nodes, "in -> stem -> if_stem -> body -> if_body -> last -> if_last -> out", "if_stem -> last")


def residual_of_currents():
    """As most frameworks write it: the way around has a convolution of its own, and the currents add up."""
    nodes = {"in": source(2, 8, 8), "around": conv(3, 3, 1), "out": sink()}
    nodes |= spiking(stem=conv(3, 2), body=conv(3, 3, padding=1), turn=conv(3, 3, padding=1))
    path = "in -> stem -> if_stem -> body -> if_body -> turn -> if_turn -> out"
    return graph(nodes, path, "if_stem -> around -> if_turn")


def residual_past_a_pool():
    nodes = {"in": source(2, 10, 10), "pool_a": sum_pool(2), "pool_b": avg_pool(2), "out": sink()}
    nodes |= spiking(stem=conv(3, 2), body=conv(3, 3, padding=1), last=conv(2, 3))
    path = "in -> stem -> if_stem -> body -> if_body -> pool_a -> last -> if_last -> out"
    return graph(nodes, path, "if_stem -> pool_b -> last")


def unlike_sources():
    nodes = {"in": source(2, 8, 8), "pool": avg_pool(2), "half": scale(0.5), "out": sink()}
    nodes |= spiking(a=conv(3, 2, padding=1), b=conv(3, 2, stride=2, padding=1), c=conv(3, 2, 1, stride=2))
    nodes |= spiking(join=conv(2, 3))
    paths = ("in -> a -> if_a -> pool -> join", "in -> b -> if_b -> join", "in -> c -> if_c -> half -> join")
    return graph(nodes, *paths, "join -> if_join -> out")


def branches_at_the_input():
    nodes = {"in": source(2, 8, 8), "pool": sum_pool(2), "up": scale(2.0), "out": sink()}
    nodes |= spiking(a=conv(3, 2, 2, stride=2), b=conv(3, 2, 1), join=conv(2, 3))
    return graph(nodes, "in -> a -> if_a -> join -> if_join -> out", "in -> pool -> b -> if_b -> up -> join")


def several_outputs():
    nodes = {"in": source(2, 8, 8), **spiking(a=conv(3, 2), b=conv(4, 3), c=conv(1, 4)), "pool": sum_pool(2)}
    nodes |= {"out_b": sink(), "out_c": sink(), "flat": flatten()}
    path = "in -> a -> if_a -> b -> if_b -> c -> if_c -> pool -> flat -> out_c"
    return graph(nodes, path, "if_b -> out_b")


def hidden_output():
    nodes = {"in": source(2, 8, 8), **spiking(a=conv(3, 2), b=conv(2, 3)), "pool": sum_pool(2)}
    nodes |= {"hidden": sink(), "pooled": sink(), "out": sink()}
    return graph(nodes, "in -> a -> if_a -> b -> if_b -> out", "if_a -> hidden", "if_a -> pool -> pooled")


def two_networks():
    nodes = {"in": source(2, 8, 8), "out_a": sink(), "out_b": sink()}
    nodes |= spiking(a1=conv(3, 2), a2=conv(2, 3), b1=conv(2, 2, 5), b2=conv(3, 2, 2, stride=2))
    return graph(nodes, *(f"in -> {n}1 -> if_{n}1 -> {n}2 -> if_{n}2 -> out_{n}" for n in "ab"))


def selecting(channels: list[int], of: int):
    """A convolution that passes some channels on as they are."""
    return conv(weight=np.eye(of)[channels][:, :, None, None])


def two_networks_of_two_sensors():
    """NIR has one Input: each network picks its channels by a convolution of ones, which costs no core."""
    nodes = {"in": source(3, 8, 8), "pick_a": selecting([0, 1], 3), "pick_b": selecting([2], 3)}
    nodes |= {**spiking(a=conv(2, 2), b=conv(2, 1, 5)), "out_a": sink(), "out_b": sink()}
    return graph(nodes, *(f"in -> pick_{n} -> {n} -> if_{n} -> out_{n}" for n in "ab"))


def concatenation():
    """Two layers side by side at a third: each placed among its channels by a convolution of ones."""
    first, second = np.eye(5)[:, :2, None, None], np.eye(5)[:, 2:, None, None]
    nodes = {"in": source(2, 8, 8), **spiking(a=conv(2, 2), b=conv(3, 2), join=conv(2, 5)), "out": sink()}
    nodes |= {"place_a": conv(weight=first), "place_b": conv(weight=second)}
    paths = (f"in -> {n} -> if_{n} -> place_{n} -> join" for n in "ab")
    return graph(nodes, *paths, "join -> if_join -> out")


def three_ways():
    nodes = {"in": source(2, 8, 8), **spiking(stem=conv(3, 2))}
    nodes |= spiking(a=conv(2, 3), b=conv(2, 3), c=conv(2, 3), join=conv(2, 2)) | {"out": sink()}
    paths = (f"if_stem -> {n} -> if_{n} -> join" for n in "abc")
    return graph(nodes, "in -> stem -> if_stem", *paths, "join -> if_join -> out")


def diamond():
    nodes = {"in": source(2, 8, 8), **spiking(stem=conv(3, 2), a=conv(2, 3), b=conv(2, 3), join=conv(2, 2))}
    paths = (f"if_stem -> {n} -> if_{n} -> join" for n in "ab")
    return graph(nodes | {"out": sink()}, "in -> stem -> if_stem", *paths, "join -> if_join -> out")


def plain_chain():
    return chain(**{"in": source(2, 8, 8), "a": conv(3, 2), "if_a": neurons(2.0), "out": sink()})


KINDS = {
    maker.__name__: maker
    for maker in (
        plain_chain, split, two_poolings, sums, residual, residual_of_currents, residual_past_a_pool, unlike_sources,
        branches_at_the_input, several_outputs, hidden_output, two_networks, two_networks_of_two_sensors, concatenation,
        three_ways, diamond,
    )
}  # fmt: skip


@pytest.fixture(params=KINDS)
def drawn(request):
    return KINDS[request.param]()


def raster(spec, steps=8):
    return np.random.default_rng(3).poisson(0.4, (steps, 2, *spec.input_shape))


def test_lowering_changes_no_spike_and_the_rest_is_rounding(drawn):
    network = read(drawn, **READING)
    lowered = normalise(network)
    spec = nir_to_dynapcnn(drawn, **READING)
    counts = raster(spec)
    floats, after = interpret(network, counts), interpret(lowered, counts)
    assert floats.outputs.keys() == after.outputs.keys()
    for name, values in floats.outputs.items():
        np.testing.assert_array_equal(after.outputs[name].reshape(values.shape), values)
        assert values.any(), f"{name} is silent: nothing is compared"
    rounded = interpret(in_integers(lowered, spec), counts)
    ours = simulate(spec, counts, saturate=False)
    for name, values in rounded.outputs.items():
        np.testing.assert_array_equal(ours.output_rasters[name], values)


def test_the_spec_is_valid_without_a_word(drawn):
    assert validate(nir_to_dynapcnn(drawn, **READING)) == ()


def test_simulators_agree_with_the_oracle(drawn):
    spec = nir_to_dynapcnn(drawn, **READING)
    counts = raster(spec, steps=3)
    assert_same_result(simulate(spec, counts, record="all"), oracle.clocked(spec, counts, record="all"))


@pytest.mark.parametrize("seed", range(3))
def test_other_cores_hold_the_same_network(drawn, seed):
    spec = nir_to_dynapcnn(drawn, **READING)
    speck = load_chip("speck2f")
    order = np.random.default_rng(seed).permutation(len(speck.cores))
    named = [core for core in spec.cores if core.origin]
    pins = {core.name: int(c) for core, c in zip(named, order, strict=False)}
    assert all(pins[core.name] in candidates(core.memory, speck) for core in named)
    moved = nir_to_dynapcnn(drawn, placement=pins, **READING)
    assert validate(moved) == ()
    runs: list[tuple[str, dict[str, Any]]] = [("clocked", {})]
    runs += [("event", {"order": o, "emission": e}) for o in ("depth", "breadth") for e in ("raster", "channel")]
    for semantics, options in runs:
        one, two = (simulate(s, raster(spec), semantics, **options) for s in (spec, moved))
        assert one.output_events == two.output_events
        for core in named:
            np.testing.assert_array_equal(one[core.name].membrane, two[core.name].membrane)


# --- any graph --------------------------------------------------------------------------------------------------------


def beside_itself(drawn: nir.NIRGraph) -> nir.NIRGraph:
    """The same network twice, as two that share nothing but the Input."""
    (root,) = (name for name, node in drawn.nodes.items() if isinstance(node, nir.Input))
    nodes = {root: drawn.nodes[root]}
    edges: list[tuple[str, str]] = []
    for twin in ("first", "second"):
        named = {name: root if name == root else f"{twin} {name}" for name in drawn.nodes}
        nodes |= {named[name]: node for name, node in drawn.nodes.items()}
        edges += [(named[a], named[b]) for a, b in drawn.edges]
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(drawn=networks(max_layers=4))
def test_two_networks_on_one_chip_do_not_disturb_each_other(drawn):
    assume(check(beside_itself(drawn), convention="torch").fits)
    alone, both = (nir_to_dynapcnn(g, convention="torch") for g in (drawn, beside_itself(drawn)))
    assert not errors_of(validate(both))
    for semantics, options in (("clocked", {}), ("event", {"bias_clock_us": 700})):
        one, two = (simulate(spec, raster(alone, steps=4), semantics, **options) for spec in (alone, both))
        for name, events in one.output_events.items():
            for twin in ("first", "second"):
                assert two.output_events[f"{twin} {name}"] == events


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(drawn=networks(max_layers=9))
def test_every_placement_is_valid_and_of_what_a_run_calls_busy_too(drawn):
    spec = nir_to_dynapcnn(drawn, convention="torch")
    busy = nir_to_dynapcnn(drawn, convention="torch", activity=simulate(spec, raster(spec, steps=2)))
    for placed in (spec, busy):
        assert not errors_of(validate(placed, "speck2f"))
        assert len({core.core for core in placed.cores}) == len(placed.cores)
