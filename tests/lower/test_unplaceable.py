"""What is said where layers do not fit, word for word. That each piece of advice is good is asked in test_place.py."""

from __future__ import annotations

import pytest
from float_layers import build_layer, chip_of

from nirdynap.chips.chip import Chip
from nirdynap.ir.layers import Layer, Link
from nirdynap.lower.unplaceable import plan_or_findings
from nirdynap.lower.wishes import ANYWHERE, wishes_of


def layer(name="a", out=8, *, size=(4, 4), channels=1, kernel=1, feeds=(), **changes) -> Layer:
    """Of 16 neuron words for each channel, unless it has another map."""
    links = tuple(Link(target=target, pooling=(1, 1), feature_shift=0) for target in feeds)
    return build_layer(name, out=out, kernel=kernel, input_shape=(channels, *size), links=links, **changes)


def neuron_words(*cores) -> Chip:
    """Cores with so many neuron words, and kernel words enough."""
    return chip_of(*((1024, words, 16) for words in cores))


def kernel_words(*cores) -> Chip:
    """Cores with so many kernel words, and neuron words enough."""
    return chip_of(*((words, 1024, 16) for words in cores))


def planned(layers, chip, split="never", placement=ANYWHERE, avoid=()):
    """Channels of the parts of each copy of each layer, or None; and what is said."""
    wishes, unclear = wishes_of(layers, chip, split, placement, avoid)
    assert unclear == ()
    plan, findings = plan_or_findings(layers, chip, wishes)
    return plan and [[copy.channels for copy in copies] for copies in plan], list(findings)


# --- layers that no core holds ----------------------------------------------------------------------------------------

HALF = "at most 4 instead of 8 output features"
NOT_ALL = " (a core holds it then, but not all layers fit together)"


@pytest.mark.parametrize(
    ("layers", "chip", "advice"),
    [
        ([layer()], neuron_words(64, 32), [HALF]),
        ([layer()], neuron_words(64, 64), [f"split={{'a': 2}} (--split a=2), or {HALF}"]),
        ([layer()], neuron_words(64, 32, 32), [f"split={{'a': 3}} (--split a=3), or {HALF}"]),
        ([layer(), layer("b", 4)], neuron_words(64, 32), [HALF + NOT_ALL]),
        ([layer(), layer("b", 4)], neuron_words(64, 64), [HALF]),
        ([layer(), layer("b", 1)], neuron_words(16, 64, 64), [f"split={{'a': 2}} (--split a=2), or {HALF}"]),
        (
            [layer(), layer("b", 1), layer("c", 12)],
            neuron_words(*[64] * 6),
            [
                f"split={{'a': 2, 'c': 3}} (--split a=2,c=3), or {advice}"
                for advice in (HALF, "at most 4 instead of 12 output features")
            ],
        ),
        (
            [layer(channels=2048)],
            neuron_words(1024, 1024),
            [
                "fewer input features and a smaller map (pooling or a stride in front): output features alone do not "
                "do it"
            ],
        ),
    ],
)
def test_layers_that_no_core_holds(layers, chip, advice):
    plan, findings = planned(tuple(layers), chip)
    assert plan is None
    assert [finding.hint for finding in findings] == advice
    hopeless = ["a", "c"][: len(findings)]
    assert [finding.place for finding in findings] == [f"$.nodes.{name}" for name in hopeless]


def test_a_layer_that_one_core_holds_in_parts_is_not_hopeless():
    assert planned((layer(),), neuron_words(64, 64), "auto") == ([[(4, 4)]], [])
    assert planned((layer(), layer("b", 4)), neuron_words(64, 64, 64), {"a": 2}) == ([[(4, 4)], [(4,)]], [])


def test_more_layers_than_cores_are_left_to_the_rules_but_each_is_looked_at():
    plan, findings = planned((layer("a", 2), layer("b", 8)), neuron_words(64))
    assert plan is None
    assert [(finding.code, finding.place, finding.hint) for finding in findings] == [
        ("ND302", "$.nodes.b", HALF + NOT_ALL)
    ]
    assert planned((layer("a", 2), layer("b", 2)), neuron_words(64)) == (None, [])


def test_the_others_are_judged_as_if_a_layer_that_no_core_holds_were_not_there():
    """Core 0 holds one of b and c, which nothing else does."""
    layers = (layer("a", 8, feeds=(1, 2)), layer("b", 4, channels=8), layer("c", 3, channels=8))
    _, (large, crowd) = planned(layers, neuron_words(64, 16, 16))
    assert (large.code, large.hint) == ("ND302", HALF + NOT_ALL)
    assert crowd.found == (
        "no room on core 0 for b (kernel 32, neuron 64 words), c (kernel 32, neuron 48 words) at once"
    )
    assert crowd.hint == "c with at most 1 instead of 3 output features"


def test_the_wishes_of_the_others_stay_theirs():
    """Without a, which is hopeless, b goes where it is pinned, and c is in two parts."""
    layers = (layer("a", 8, feeds=(1, 2)), layer("b", 4, channels=8), layer("c", 4, channels=8))
    options = {"split": {"c": 2}, "placement": {"b": 3}}
    _, findings = planned(layers, neuron_words(32, 32, 64, 64), **options)
    assert [finding.code for finding in findings] == ["ND302"]
    _, findings = planned(layers, neuron_words(64, 64, 32, 32), **options)
    assert [(finding.code, finding.place) for finding in findings] == [("ND302", "$.nodes.a"), ("ND304", "$.nodes")]
    assert findings[1].found == "no room on core 3 for b (kernel 32, neuron 64 words)"
    assert findings[1].hint == "other cores in placement or avoid: on free choice all of it fits"


# --- layers that compete ----------------------------------------------------------------------------------------------

TOO_MANY = "one layer less, or smaller layers: no change to a single one is enough"
ELSEWHERE = "other cores in placement or avoid: on free choice all of it fits"


def eight(name):
    return f"{name} (kernel 8, neuron 128 words)"


@pytest.mark.parametrize(
    ("layers", "chip", "options", "counts", "found", "hint"),
    [
        (
            [layer(), layer("b", 1), layer("c")],
            neuron_words(128, 64, 16),
            {},
            (2, 1),
            f"no room on core 0 for {eight('a')}, {eight('c')} at once",
            "a with at most 4 instead of 8 output features",
        ),
        (
            [layer(), layer("b", 1), layer("c")],
            neuron_words(64, 128, 128, 16)[:3] if False else neuron_words(128, 32, 16, 16),
            {"split": "auto"},
            (2, 4),
            f"no room on cores 0, 1, 2, 3 for {eight('a')}, {eight('c')} at once, not even in parts",
            "a with at most 3 instead of 8 output features",
        ),
    ],
)
def test_layers_that_compete(layers, chip, options, counts, found, hint):
    plan, (finding,) = planned(tuple(layers), chip, **options)
    assert plan is None
    assert (finding.code, finding.place) == ("ND304", "$.nodes")
    assert (finding.value, finding.limit) == counts
    assert (finding.found, finding.hint) == (found, hint)
