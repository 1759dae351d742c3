"""Which part becomes which, on graphs of a few parts."""

from __future__ import annotations

import random
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from nirdynap.comparison.graph import Graph, Part, Wire
from nirdynap.comparison.pairing import pairs_of


def part(name: str, kind: str = "Conv", form: str = "1x1x1", content: int = 0) -> Part:
    arrays = {"weights": np.full((1,), content)}
    return Part(name=name, kind=kind, nodes=(name,), form=(form,), settings={}, arrays=arrays)


def graph(parts: list[Part], *wires: str) -> Graph:
    """Wires are written "a b"."""
    ends = (wire.split() for wire in wires)
    return Graph(settings={}, parts=tuple(parts), wires=tuple(Wire(source=a, target=b) for a, b in ends))


def chain(*parts: Part) -> Graph:
    return graph(list(parts), *(f"{a.name} {b.name}" for a, b in pairwise(parts)))


def names(a: Graph, b: Graph) -> dict[str, str]:
    return {old.name: new.name for old, new in pairs_of(a, b)}


def test_names_of_equal_parts_decide():
    twins = [part("in", "Input"), part("x"), part("y"), part("out", "Output")]
    wires = ("in x", "in y", "x out", "y out")
    assert names(graph(twins, *wires), graph([twins[i] for i in (3, 2, 1, 0)], *wires)) == {
        p.name: p.name for p in twins
    }


def test_content_and_place_win_over_a_name():
    a = chain(part("in", "Input"), part("x", content=1), part("y", content=2))
    b = chain(part("in", "Input"), part("y", content=1), part("x", content=2))
    assert names(a, b) == {"in": "in", "x": "y", "y": "x"}


def test_shapes_and_place_win_over_a_name_when_contents_changed():
    a = chain(part("in", "Input"), part("x", form="2x1x1", content=1), part("y", content=2))
    b = chain(part("in", "Input"), part("y", form="2x1x1", content=3), part("x", content=4))
    assert names(a, b) == {"in": "in", "x": "y", "y": "x"}


def test_behind_an_insertion_names_decide():
    a = chain(part("in", "Input"), part("x"), part("y"), part("z"))
    b = chain(part("in", "Input"), part("new"), part("x"), part("y", content=5), part("z"))
    assert names(a, b) == {name: name for name in ("in", "x", "y", "z")}


def test_behind_an_insertion_contents_decide_where_names_changed():
    a = chain(part("in", "Input"), part("x", content=1), part("y", content=2))
    b = chain(part("in", "Input"), part("0", content=9), part("1", content=1), part("2", content=2))
    assert names(a, b) == {"in": "in", "x": "1", "y": "2"}


def test_neighbours_decide_where_nothing_else_is_left():
    a = chain(
        part("in", "Input"), part("x", "Conv", content=1), part("y", "IF", content=2), part("z", "Pool", content=3)
    )
    b = graph(
        [part("in", "Input"), part("0", "Conv", content=4), part("1", "IF", content=5), part("2", "IF", content=6)],
        "in 0", "0 1", "1 2",
    )  # fmt: skip
    assert names(a, b) == {"in": "in", "x": "0", "y": "1"}


def test_neighbours_on_the_other_side_decide_too():
    a = graph([part("x", "Conv", content=1), part("y", "IF", content=2), part("out", "Output")], "x y", "y out")
    b = graph(
        [part("0", "Conv", content=3), part("1", "IF", content=4), part("out", "Output"), part("w", "Pool")],
        "0 1", "1 out", "w 0",
    )  # fmt: skip
    assert names(a, b) == {"out": "out", "y": "1", "x": "0"}


def test_another_kind_is_another_part():
    a = chain(part("in", "Input"), part("x", "Conv"))
    b = chain(part("in", "Input"), part("x", "Linear"))
    assert names(a, b) == {"in": "in"}


def test_a_wire_is_part_of_the_place():
    parts = [part("in", "Input"), part("x"), part("y")]
    a = Graph(
        settings={}, parts=tuple(parts), wires=(Wire(source="in", target="x"), Wire(source="in", target="y", pooling=2))
    )
    renamed = (parts[0], part("0"), part("1"))
    for how in ({"pooling": 2}, {"feature_shift": 1}):
        a = Graph(
            settings={}, parts=tuple(parts), wires=(Wire(source="in", target="x"), Wire(source="in", target="y", **how))
        )
        b = Graph(
            settings={}, parts=renamed, wires=(Wire(source="in", target="1"), Wire(source="in", target="0", **how))
        )
        assert names(a, b) == {"in": "in", "x": "1", "y": "0"}


def test_a_cycle_and_a_wire_to_nowhere_do_no_harm():
    a = graph([part("x", content=1), part("y", content=2)], "x y", "y x", "y nowhere")
    b = graph([part("1", content=2), part("0", content=1)], "0 1", "1 0", "1 nowhere")
    assert names(a, b) == {"x": "0", "y": "1"}


@given(st.integers(2, 7), st.integers(0, 10**6))
def test_a_renamed_graph_in_another_order_is_found_again(size: int, seed: int):
    chance = random.Random(seed)
    parts = [part(f"n{i}", chance.choice(["Conv", "IF"]), content=chance.randrange(2)) for i in range(size)]
    wires = sorted({tuple(sorted(chance.sample(range(size), 2))) for _ in range(size)})
    a = graph(parts, *(f"n{i} n{j}" for i, j in wires))
    order = chance.sample(range(size), size)
    renamed = [part(f"m{i}", parts[i].kind, content=int(parts[i].arrays["weights"][0])) for i in order]
    b = graph(renamed, *(f"m{i} m{j}" for i, j in wires))
    found = names(a, b)
    assert len(found) == size
    kinds = {p.name: (p.kind, p.arrays["weights"][0]) for p in (*parts, *renamed)}
    assert all(kinds[old] == kinds[new] for old, new in found.items())
