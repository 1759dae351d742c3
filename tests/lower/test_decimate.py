"""Decimators: what is asked of a layer comes to its core and its copies, and parts are refused."""

import dataclasses

import numpy as np
import pytest

from by_hand import chain, conv, graph, large_layers, neurons, sink, source
from nirdynap import check, nir_to_dynapcnn, simulate

READING = {"convention": "torch", "reset": "subtract", "spikes_per_step": "many"}


def two_layers(**changed):
    return chain(input=source(), first=conv(4), if1=neurons(), last=conv(3, 4), if2=neurons(), out=sink(), **changed)


@pytest.mark.parametrize("name", ["first", "if1"])
def test_a_layer_is_named_by_any_of_its_nodes(name):
    spec = nir_to_dynapcnn(two_layers(), **READING, decimator={name: 4})
    assert [core.decimator for core in spec.cores] == [4, 1]
    assert spec.digest() != nir_to_dynapcnn(two_layers(), **READING).digest()


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_of_so_many_spikes_one_passes(semantics):
    raster = np.random.default_rng(1).poisson(1.0, (20, 1, 1, 8, 8))
    plain, eighth = (
        simulate(nir_to_dynapcnn(two_layers(), **READING, decimator=every), raster, semantics)
        for every in ({}, {"first": 8})
    )
    assert eighth["first"].counts.sum() == plain["first"].counts.sum() // 8 > 10


def test_a_copy_has_the_counter_of_its_layer():
    """Three consumers of one layer, two slots: a second core holds the layer again, and all hear the same spikes."""
    names = ("a", "b", "c")
    nodes = {"in": source(), "first": conv(2), "if": neurons()}
    for name in names:
        nodes |= {name: conv(2, 2), f"if_{name}": neurons(), f"out_{name}": sink()}
    drawn = graph(nodes, "in -> first -> if", *(f"if -> {n} -> if_{n} -> out_{n}" for n in names))
    spec = nir_to_dynapcnn(drawn, **READING, decimator={"first": 2})
    whole = nir_to_dynapcnn(drawn, "tests/chips/big.toml", **READING)
    whole = dataclasses.replace(
        whole, cores=tuple(dataclasses.replace(c, decimator=2 if c.name == "first" else 1) for c in whole.cores)
    )
    raster = np.random.default_rng(2).poisson(1.0, (20, 1, 1, 8, 8))
    assert len(spec.cores) == len(whole.cores) + 1
    for semantics in ("clocked", "event"):
        split, one = simulate(spec, raster, semantics), simulate(whole, raster, semantics)
        assert one["first"].counts.sum() > 10
        for name in one.output_events:
            assert split.output_events[name] == one.output_events[name]


def test_unheard_channels_are_counted():
    weights = np.ones((3, 4, 3, 3))
    weights[:, 1] = 0
    drawn = two_layers()
    drawn.nodes["last"] = conv(3, 4, weight=weights)
    plain = nir_to_dynapcnn(drawn, **READING, trim=True)
    counted = nir_to_dynapcnn(drawn, **READING, trim=True, decimator={"first": 2})
    assert [spec.find_core("first").neuron_shape[0] for spec in (plain, counted)] == [3, 4]


NODES = "one of the nodes first, if1, if2, last"
NUMBER = "one positive whole number for each layer"


@pytest.mark.parametrize(
    ("decimator", "found", "value", "limit"),
    [
        ({"nobody": 2}, "decimator = 'nobody'", "nobody", NODES),
        ({"first": 0}, "decimator['first'] = 0", 0, NUMBER),
        ({"first": "2"}, "decimator['first'] = '2'", "2", NUMBER),
        ({"first": 2, "if1": 4}, "decimator['if1'] = 4", 4, NUMBER),
    ],
)
def test_what_means_nothing(decimator, found, value, limit):
    (diagnostic,) = check(two_layers(), **READING, decimator=decimator).diagnostics
    assert (diagnostic.code, diagnostic.place, diagnostic.found) == ("ND126", "$.decimator", f"{found} is not possible")
    assert (diagnostic.value, diagnostic.limit) == (value, limit)


@pytest.mark.parametrize(("decimator", "value"), [(2, 2), (None, None), ("first", "first"), (["first"], "['first']")])
def test_a_decimator_that_is_no_mapping(decimator, value):
    (diagnostic,) = check(two_layers(), **READING, decimator=decimator).diagnostics
    assert (diagnostic.code, diagnostic.found) == ("ND126", f"decimator = {value!r} is not possible")
    assert diagnostic.limit == "whole numbers by node name, such as {'conv1': 2}"


def test_all_that_is_wrong_comes_at_once_and_twice_the_same_is_right():
    asked = {"nobody": 2, "first": 2, "if1": 2, "last": 3, "if2": True}
    found = check(two_layers(), **READING, decimator=asked).diagnostics
    assert [(d.code, d.place, d.value) for d in found] == [
        ("ND126", "$.decimator", "nobody"),
        ("ND330", "$.nodes.last", 3),
        ("ND126", "$.decimator", "True"),
    ]
    spec = nir_to_dynapcnn(two_layers(), **READING, decimator={"first": 2, "if1": 2, "last": 1})
    assert [core.decimator for core in spec.cores] == [2, 1]


def test_what_no_core_can_do():
    (diagnostic,) = check(two_layers(), **READING, decimator={"last": 3}).diagnostics
    assert (diagnostic.code, diagnostic.place, diagnostic.value) == ("ND330", "$.nodes.last", 3)
    assert diagnostic.limit == "2, 4, 8, 16, 32, 128, 256, 512"
    (diagnostic,) = check(two_layers(), "speck2b", **READING, decimator={"last": 2}).diagnostics
    assert (diagnostic.code, diagnostic.value, diagnostic.limit) == ("ND330", 2, "none")
    assert check(two_layers(), "speck2b", **READING, decimator={"last": 1}).fits


def test_each_decimated_layer_that_is_split_is_told():
    split = {"first": 3, "last": 2}
    found = check(two_layers(), **READING, decimator={"first": 2, "last": 4}, split=split).diagnostics
    assert [(d.code, d.place, d.value) for d in found if d.severity == "error"] == [
        ("ND331", "$.nodes.first", 3),
        ("ND331", "$.nodes.last", 2),
    ]
    assert check(two_layers(), **READING, decimator={"first": 2}, split={"last": 2}).fits


def test_a_decimated_layer_that_fits_nowhere_is_told_as_any_other():
    found = check(large_layers(4), **READING, decimator={"conv0": 2}, split="never").diagnostics
    assert [d.code for d in found if d.severity == "error"] == ["ND304"]
