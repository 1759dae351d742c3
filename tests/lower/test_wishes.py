"""What the caller asks of splitting and placement: meant as it is said, or told and left out."""

from __future__ import annotations

import pytest
from float_layers import build_layer, chip_of

from nirdynap.errors import Diagnostic
from nirdynap.lower.wishes import ANYWHERE, Wishes, wishes_of

CHIP = chip_of(*[(1024, 1024, 16)] * 5)
LAYERS = (build_layer("a", out=4, origin=("a", "if_a")), build_layer("b", origin=("b", "if_b")), build_layer("c"))
CORES = (0, 1, 2, 3, 4)


def asked(split="auto", placement=ANYWHERE, avoid=()) -> tuple[Wishes, tuple[Diagnostic, ...]]:
    return wishes_of(LAYERS, CHIP, split, placement, avoid)


def wishes(parts=(None,) * 3, pins=(None,) * 3, cores=CORES) -> Wishes:
    return Wishes(parts=parts, pins=pins, cores=cores)


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ({}, wishes()),
        ({"split": "never"}, wishes(parts=(1, 1, 1))),
        ({"split": {}}, wishes(parts=(1, 1, 1))),
        ({"split": {"a": 4, "if_b": 2}}, wishes(parts=(4, 2, 1))),
        ({"split": {"b": 1}}, wishes(parts=(1, 1, 1))),
        ({"avoid": (0, 4)}, wishes(cores=(1, 2, 3))),
        ({"avoid": {2}}, wishes(cores=(0, 1, 3, 4))),
        ({"avoid": [3, 3]}, wishes(cores=(0, 1, 2, 4))),
        ({"placement": {"b": 0}}, wishes(parts=(None, 1, None), pins=(None, (0,), None))),
        (
            {"placement": {"if_a": (4, 0, 1), "c": 2}, "avoid": (3,)},
            wishes(parts=(3, None, 1), pins=((4, 0, 1), None, (2,)), cores=(0, 1, 2, 4)),
        ),
        (
            {"placement": {"a": (1, 2)}, "split": {"a": 2, "c": 2}},
            wishes(parts=(2, 1, 2), pins=((1, 2), None, None)),
        ),
    ],
)
def test_what_is_meant(options, meant):
    assert asked(**options) == (meant, ())


NODES = "one of the nodes a, b, c, if_a, if_b"
FREE = "different cores out of 0 to 4"


def taken(cores):
    return f"cores that are free: {cores} is taken by another layer or avoided"


@pytest.mark.parametrize(
    ("options", "place", "found", "limit"),
    [
        ({"placement": {"d": 1}}, "placement", "placement = 'd'", NODES),
        ({"placement": {"a": 5}}, "placement", "placement['a'] = 5", FREE),
        ({"placement": {"a": -1}}, "placement", "placement['a'] = -1", FREE),
        ({"placement": {"a": True}}, "placement", "placement['a'] = 'True'", FREE),
        ({"placement": {"a": "x"}}, "placement", "placement['a'] = 'x'", FREE),
        ({"placement": {"a": ()}}, "placement", "placement['a'] = '()'", FREE),
        ({"placement": {"a": (1, 1)}}, "placement", "placement['a'] = '(1, 1)'", FREE),
        ({"placement": {"a": (1, 9)}}, "placement", "placement['a'] = '(1, 9)'", FREE),
        ({"placement": {"b": (3, 1)}, "avoid": (3, 2, 1)}, "placement", "placement['b'] = '(3, 1)'", taken("1, 3")),
        ({"placement": {"b": (3, 4)}, "avoid": (3, 2)}, "placement", "placement['b'] = '(3, 4)'", taken("3")),
        ({"placement": {"b": 3}, "avoid": (3,)}, "placement", "placement['b'] = 3", taken("3")),
        ({"placement": [0, 1]}, "placement", "placement = '[0, 1]'", "cores by node name, such as {'conv1': 3}"),
        ({"avoid": 3}, "avoid", "avoid = 3", "cores in a list or set, such as [3]"),
        ({"avoid": (5,)}, "avoid", "avoid = 5", FREE),
        ({"avoid": (-1,)}, "avoid", "avoid = -1", FREE),
        ({"split": "maybe"}, "split", "split = 'maybe'", "auto, never, or the number of parts by node name"),
        ({"split": 2}, "split", "split = 2", "auto, never, or the number of parts by node name"),
    ],
)
def test_what_cannot_be_meant_is_told_and_left_out(options, place, found, limit):
    meant, (finding,) = asked(**options)
    assert (finding.code, finding.place) == ("ND126", f"$.{place}")
    assert (finding.found, finding.hint) == (f"{found} is not possible", limit)
    avoid = options["avoid"] if place == "placement" and "avoid" in options else ()
    assert meant == wishes(cores=tuple(core for core in CORES if core not in avoid))


@pytest.mark.parametrize(
    ("parts", "most"),
    [
        ({"a": 5}, 4),
        ({"a": 0}, 4),
        ({"if_b": 3}, 2),
        ({"b": -1}, 2),
        ({"a": "2"}, 4),
        ({"a": True}, 4),
        ({"a": 1.5}, 4),
    ],
)
def test_numbers_of_parts_that_a_layer_cannot_have(parts, most):
    meant, (finding,) = asked(split=parts)
    ((name, number),) = parts.items()
    shown = number if type(number) in (int, float) else str(number)
    assert (finding.place, finding.hint) == ("$.split", f"1 to {most} parts, of a channel at least")
    assert finding.found == f"split[{name!r}] = {shown!r} is not possible"
    assert meant == wishes(parts=(1, 1, 1))


def test_a_node_that_is_not_there_leaves_the_others_as_they_are():
    meant, findings = asked(split={"d": 2, "a": 3}, placement={"d": 1, "b": 4})
    assert [(f.place, f.found, f.hint) for f in findings] == [
        ("$.placement", "placement = 'd' is not possible", NODES),
        ("$.split", "split = 'd' is not possible", NODES),
    ]
    assert meant == wishes(parts=(3, 1, 1), pins=(None, (4,), None))


def test_a_core_is_one_layers_and_the_first_has_it():
    meant, (finding,) = asked(placement={"c": (3, 1), "a": 1, "b": 0})
    assert (finding.found, finding.hint) == ("placement['a'] = 1 is not possible", taken("1"))
    assert meant == wishes(parts=(None, 1, 2), pins=(None, (0,), (3, 1)))


def test_what_was_taken_before_stays_taken():
    meant, (finding,) = asked(placement={"a": 1, "b": 2, "c": 1}, avoid=(3,))
    assert (finding.found, finding.hint) == ("placement['c'] = 1 is not possible", taken("1"))
    assert meant == wishes(parts=(1, 1, None), pins=((1,), (2,), None), cores=(0, 1, 2, 4))


@pytest.mark.parametrize(("split", "parts"), [("never", 1), ({"b": 2}, 1), ({"a": 3}, 3)])
def test_as_many_cores_as_parts(split, parts):
    _, (finding,) = asked(split=split, placement={"if_a": (1, 2)})
    assert finding.found == "placement['a'] = '(1, 2)' is not possible"
    assert finding.hint == f"{parts} cores, as split says"


def test_all_findings_come_at_once():
    _, findings = asked(split=3, placement=4, avoid=5)
    assert [finding.place for finding in findings] == ["$.placement", "$.avoid", "$.split"]
    _, findings = asked(avoid=(1, 9, 2, "x"), placement={"a": 1, "b": 2, "c": 9})
    assert [finding.value for finding in findings] == [9, "x", 1, 2, 9]
