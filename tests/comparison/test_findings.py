"""Numbers, settings and wires side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nirdynap.comparison.findings import Change, Comparison, Renamed, Setting, Values, compared
from nirdynap.comparison.graph import Graph, Part, Plain, Wire


def whole(
    nodes: tuple[str, ...] = ("x",),
    wires: tuple[Wire, ...] = (),
    settings: dict[str, Plain] | None = None,
    **arrays: Any,
) -> Graph:
    arrays = {name: np.array(array) for name, array in arrays.items()}
    part = Part(name="x", kind="Conv", nodes=nodes, form=(), settings=settings or {}, arrays=arrays)
    return Graph(settings={}, parts=(part,), wires=wires)


def only_change(a: Graph, b: Graph) -> Change:
    (change,) = compared(a, b).changed
    return change


def test_the_largest_difference_and_where():
    change = only_change(whole(w=[[1.0, 2.0], [3.0, 4.0]]), whole(w=[[1.0, 2.5], [1.0, 6.0]]))
    assert change.values == (Values(name="w", different=3, size=4, largest=2.0, at=(1, 0), a=3.0, b=1.0),)


@pytest.mark.parametrize(
    ("a", "b", "largest", "at"),
    [
        ([np.nan, 1.0], [np.nan, 1.5], 0.5, (1,)),
        ([np.nan, 1.0], [0.0, 1.5], np.inf, (0,)),
        ([np.inf, 1.0], [np.inf, 1.5], 0.5, (1,)),
        ([1.0, np.inf], [1.5, -np.inf], np.inf, (1,)),
        ([1.0, 3.0], [1.5, np.nan], np.inf, (1,)),
    ],
)
def test_what_is_no_number(a: list[float], b: list[float], largest: float, at: tuple[int]):
    (values,) = only_change(whole(w=a), whole(w=b)).values
    assert (values.largest, values.at) == (largest, at)


def test_small_integers_do_not_wrap():
    (values,) = only_change(whole(w=np.array([-128], np.int8)), whole(w=np.array([127], np.int8))).values
    assert (values.largest, values.a, values.b) == (255.0, -128, 127)


def test_another_size_and_an_array_that_is_not_there():
    change = only_change(whole(w=[1.0, 2.0], bias=[1.0]), whole(w=[[1.0]]))
    assert change.values == ()
    sizes = (Setting(name="w", a="2 numbers", b="1x1 numbers"), Setting(name="bias", a="1 numbers", b=None))
    assert change.settings == sizes


def test_equal_graphs():
    found = compared(whole(w=[1.0, np.nan]), whole(w=[1.0, np.nan]))
    assert found == Comparison(
        settings=(), only_a=(), only_b=(), renamed=(), wires_only_a=(), wires_only_b=(), changed=()
    )
    assert found.same


def test_wires_between_the_same_ends_count():
    wire = Wire(source="x", target="x")
    found = compared(whole(wires=(wire, wire)), whole(wires=(wire,)))
    assert (found.wires_only_a, found.wires_only_b) == ((wire,), ())
    other = Wire(source="x", target="x", pooling=2)
    found = compared(whole(wires=(wire,)), whole(wires=(other,)))
    assert (found.wires_only_a, found.wires_only_b) == ((wire,), (other,))


def test_nodes_of_a_part():
    found = compared(whole(nodes=("conv", "if")), whole(nodes=("conv", "spike")))
    assert found.renamed == (Renamed(a="if", b="spike"),)
    assert not found.differs_beyond_names
    assert not found.same
    assert compared(whole(nodes=("conv", "if")), whole(nodes=("if", "conv"))).same
    change = only_change(whole(nodes=("conv", "if")), whole(nodes=("conv",)))
    assert change.settings == (Setting(name="nodes", a="conv, if", b="conv"),)


@pytest.mark.parametrize("field", ["settings", "only_a", "only_b", "wires_only_a", "wires_only_b", "changed"])
def test_any_finding_is_a_difference(field: str):
    nothing: dict[str, Any] = dict.fromkeys(
        ("settings", "only_a", "only_b", "renamed", "wires_only_a", "wires_only_b", "changed"), ()
    )
    assert not Comparison(**{**nothing, field: (None,)}).same
